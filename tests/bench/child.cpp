// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// The child that all contestants start: small, static, and faster than whoever reads from it.
//
//   child                 ends at once
//   child say             writes `out\n` to stdout, `err\n` to stderr
//   child bytes N         writes N bytes to stdout, in large writes
//   child lines N         writes N lines of 64 bytes
//   child cat             copies stdin to stdout, in large pieces
//   child echo            answers each read by a write of the same bytes
//   child wait            until the end of stdin
//
// Where it can be it is without a C library, whose start takes longer than all else here: what is
// timed is how programs are started, not what starting this one costs.
#include <stddef.h>
#include <sys/syscall.h>

namespace {

#if defined(__x86_64__)
long call(long number, long first, const void* second, size_t third) {
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(first), "S"(second), "d"(third)
               : "rcx", "r11", "memory");
  return result;
}
// The kernel starts a program with the count of its arguments on the stack, then the arguments.
asm(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#elif defined(__aarch64__)
long call(long number, long first, const void* second, size_t third) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = first;
  register const void* x1 asm("x1") = second;
  register size_t x2 asm("x2") = third;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
asm(".globl _start\n_start: mov x29, #0\n mov x0, sp\n and sp, x0, #-16\n bl start\n");
#else
#define BENCH_CHILD_WITH_C_LIBRARY 1
}  // namespace
#include <unistd.h>
namespace {
long call(long number, long first, const void* second, size_t third) {
  return ::syscall(number, first, second, third);
}
#endif

char block[1 << 20];

void write_all(const char* data, size_t size) {
  while (size > 0) {
    const long written = call(SYS_write, 1, data, size);
    if (written <= 0) call(SYS_exit_group, 1, nullptr, 0);
    data += written;
    size -= static_cast<size_t>(written);
  }
}

bool same(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

size_t number_of(const char* digits) {
  size_t number = 0;
  for (; *digits >= '0' && *digits <= '9'; ++digits)
    number = number * 10 + static_cast<size_t>(*digits - '0');
  return number;
}

int work(long count, const char* const* words) {
  const char* const what = count > 1 ? words[1] : "";
  const size_t number = count > 2 ? number_of(words[2]) : 0;
  if (same(what, "say")) {
    if (call(SYS_write, 1, "out\n", 4) != 4 || call(SYS_write, 2, "err\n", 4) != 4) return 1;
  } else if (same(what, "bytes")) {
    for (char& byte : block) byte = 'x';
    for (size_t left = number; left > 0;) {
      const size_t size = left < sizeof block ? left : sizeof block;
      write_all(block, size);
      left -= size;
    }
  } else if (same(what, "lines")) {
    constexpr size_t line = 64, lines = sizeof block / line;
    for (size_t i = 0; i < sizeof block; ++i)
      block[i] = i % line == line - 1 ? '\n' : static_cast<char>('a' + i % 26);
    for (size_t left = number; left > 0;) {
      const size_t some = left < lines ? left : lines;
      write_all(block, some * line);
      left -= some;
    }
  } else if (same(what, "cat") || same(what, "echo")) {
    for (;;) {
      const long got = call(SYS_read, 0, block, sizeof block);
      if (got <= 0) return got < 0;
      write_all(block, static_cast<size_t>(got));
    }
  } else if (same(what, "wait")) {
    while (call(SYS_read, 0, block, sizeof block) > 0) {
    }
  }
  return 0;
}

}  // namespace

#if defined(BENCH_CHILD_WITH_C_LIBRARY)
int main(int count, char** words) { return work(count, words); }
#else
extern "C" [[noreturn]] void start(const long* stack) {
  const auto* const words = reinterpret_cast<const char* const*>(stack + 1);
  for (;;) call(SYS_exit_group, work(*stack, words), nullptr, 0);
}
// The compiler writes calls of these two for what loops do.
extern "C" void* memset(void* to, int byte, size_t size) {
  for (size_t i = 0; i < size; ++i) static_cast<volatile char*>(to)[i] = static_cast<char>(byte);
  return to;
}
extern "C" void* memcpy(void* to, const void* from, size_t size) {
  for (size_t i = 0; i < size; ++i)
    static_cast<volatile char*>(to)[i] = static_cast<const char*>(from)[i];
  return to;
}
#endif
