// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Go's os/exec at the work of run.py.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

var child = os.Getenv("BENCH_CHILD")

func demand(good bool, what string) {
	if !good {
		fmt.Fprintln(os.Stderr, "wrong:", what)
		os.Exit(1)
	}
}

func spawnOne() {
	var out, err bytes.Buffer
	c := exec.Command(child, "say")
	c.Stdin = os.Stdin
	c.Stdout, c.Stderr = &out, &err
	demand(c.Run() == nil && out.String() == "out\n" && err.String() == "err\n", "say")
}

func spawn(count, atOnce int) float64 {
	begin := time.Now()
	turns := make(chan struct{}, count)
	for i := 0; i < count; i++ {
		turns <- struct{}{}
	}
	close(turns)
	var all sync.WaitGroup
	for i := 0; i < atOnce; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for range turns {
				spawnOne()
			}
		}()
	}
	all.Wait()
	return time.Since(begin).Seconds()
}

func capture(count int) float64 {
	begin := time.Now()
	out, err := exec.Command(child, "bytes", strconv.Itoa(count)).Output()
	end := time.Since(begin)
	demand(err == nil && len(out) == count, "bytes")
	return end.Seconds()
}

func cat(count int) float64 {
	input := bytes.Repeat([]byte("y"), count)
	c := exec.Command(child, "cat")
	c.Stdin = bytes.NewReader(input)
	begin := time.Now()
	out, err := c.Output()
	end := time.Since(begin)
	demand(err == nil && bytes.Equal(out, input), "cat")
	return end.Seconds()
}

func lines(count int) float64 {
	begin := time.Now()
	c := exec.Command(child, "lines", strconv.Itoa(count))
	out, _ := c.StdoutPipe()
	demand(c.Start() == nil, "start")
	seen, size := 0, 0
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		seen++
		size += len(scanner.Text())
	}
	demand(c.Wait() == nil, "wait")
	end := time.Since(begin)
	demand(seen == count && size == count*63, "lines")
	return end.Seconds()
}

func pingpong(count int) float64 {
	c := exec.Command(child, "echo")
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	demand(c.Start() == nil, "start")
	reader := bufio.NewReader(out)
	begin := time.Now()
	for i := 0; i < count; i++ {
		io.WriteString(in, "ping\n")
		line, _ := reader.ReadString('\n')
		demand(line == "ping\n", "pingpong")
	}
	end := time.Since(begin)
	in.Close()
	c.Wait()
	return end.Seconds()
}

func live(count int) float64 {
	var all []*exec.Cmd
	var ins []io.WriteCloser
	begin := time.Now()
	for i := 0; i < count; i++ {
		c := exec.Command(child, "wait")
		in, _ := c.StdinPipe()
		c.StdoutPipe()
		c.StderrPipe()
		demand(c.Start() == nil, "start")
		all, ins = append(all, c), append(ins, in)
	}
	end := time.Since(begin)
	for _, in := range ins {
		in.Close()
	}
	for _, c := range all {
		demand(c.Wait() == nil, "live")
	}
	return end.Seconds()
}

func main() {
	number, _ := strconv.Atoi(os.Args[2])
	other := 0
	if len(os.Args) > 3 {
		other, _ = strconv.Atoi(os.Args[3])
	}
	var result float64
	switch os.Args[1] {
	case "spawn":
		result = spawn(number, other)
	case "rss":
		ballast := make([]byte, other<<20)
		for at := 0; at < len(ballast); at += 4096 {
			ballast[at] = 1
		}
		result = spawn(number, 1)
		demand(len(ballast) == other<<20, "ballast")
	case "capture":
		result = capture(number)
	case "cat":
		result = cat(number)
	case "lines":
		result = lines(number)
	case "pingpong":
		result = pingpong(number)
	case "live":
		result = live(number)
	default:
		os.Exit(2)
	}
	fmt.Printf("%.9f\n", result)
}
