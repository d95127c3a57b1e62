// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// communicate_fsm without a child: a model of a child and of an event loop plays the driver's part.
// What the child writes, and when it exits, and in what order the loop tells it, is decided by a
// sequence of numbers: all short sequences are played, and thousands of long ones.

#include "support.hpp"

#include <coproc/detail/child/communicate_fsm.hpp>
#include <functional>
#include <random>
#include <vector>

namespace communicate_fsm_tests {

using fsm = coproc::detail::communicate_fsm;
using action = fsm::action;
using outcome = coproc::detail::communicate_outcome;

namespace {

/// Which of a number of ways to go.
using chooser = std::function<unsigned(unsigned ways)>;

/// As REQUIRE, for what is asked many million times.
void must(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

/// What one communication is like.
struct scene {
  fsm::setup setup;
  bool deadline = false, silence = false, can_cancel = false;
  bool making = false;   // the input is made by a task
  unsigned most = 1000;  // where it is bounded
};

/// One of the child's outputs, as the kernel and the reader have it.
struct output_model {
  bool piped = false;
  unsigned to_write = 0;  // what the child will still write
  unsigned late = 0;      // what a grandchild will write when the child has exited
  unsigned in_pipe = 0;   // written, not read
  unsigned received = 0;  // read
  unsigned copied = 0;
  bool held = false;   // a grandchild has it too
  bool closed = true;  // nobody has the writing end any more
  bool saw_end = false;
  bool armed = false;
};

/// A child with its pipes, the loop's timers, and whoever wants copies or cancels.
class model {
 public:
  model(const chooser& choose, const scene& played)
      : most(played.most),
        choose_(choose),
        makes_input_(played.making),
        can_cancel_(played.can_cancel),
        deadline_(played.deadline ? timer::running : timer::off),
        silence_(played.silence ? timer::running : timer::off) {
    const fsm::setup& start = played.setup;
    for (output_model* each : {&out, &err}) {
      each->piped = each == &out ? start.out : start.err;
      each->closed = !each->piped;
      if (!each->piped) continue;
      each->to_write = choose_(3);
      each->held = choose_(2) == 1;
      each->late = each->held ? choose_(2) : 0;
    }
    input_left = start.input ? 1 + choose_(2) : 0;
    input_open = start.input;
    group_alive = start.stopping && choose_(2) == 1;
  }

  output_model out, err;
  unsigned input_left = 0;
  bool input_open = false, input_ready = true;
  bool exited = false;
  bool exit_armed = false, input_armed = false;
  bool copying = false, copy_cancelled = false;
  bool making = false, making_cancelled = false;
  bool cancelled = false;
  bool group_alive = false;
  unsigned pending = 0;  // what the loop has to tell

  /// Something happens outside; false where nothing is left that could.
  bool happen() {
    std::vector<std::function<void()>> events;
    for (output_model* each : {&out, &err}) {
      if (!each->piped) continue;
      if (!exited && each->to_write > 0)
        events.emplace_back([each] { --each->to_write, ++each->in_pipe; });
      if (exited && each->held && each->late > 0)
        events.emplace_back([each] { --each->late, ++each->in_pipe; });
      if (exited && each->held && !each->closed)
        events.emplace_back([each] { each->held = false, each->closed = true; });
    }
    if (!exited) events.emplace_back([this] { exit_now(); });
    if (!exited && !input_ready) events.emplace_back([this] { input_ready = true; });
    if (group_alive) events.emplace_back([this] { group_alive = false; });
    if (deadline_ == timer::running)
      events.emplace_back([this] { deadline_ = timer::passed, pending |= fsm::deadline; });
    if (silence_ == timer::running)
      events.emplace_back([this] { silence_ = timer::passed, pending |= fsm::silence; });
    if (idle_ == timer::running)
      events.emplace_back([this] { idle_ = timer::passed, pending |= fsm::pipe_is_idle; });
    if (linger_ == timer::running)
      events.emplace_back([this] { linger_ = timer::passed, pending |= fsm::lingered; });
    if (copying) events.emplace_back([this] { copying = false, pending |= fsm::copied; });
    if (making) events.emplace_back([this] { making = false, pending |= fsm::made; });
    if (can_cancel_ && !cancelled) events.emplace_back([this] { cancelled = true; });
    if (events.empty()) return false;
    events[choose_(static_cast<unsigned>(events.size()))]();
    return true;
  }

  /// What the loop tells of what has happened, by the waits that are armed.
  unsigned take_events() {
    unsigned events = std::exchange(pending, 0u);
    told_deadline_ = told_deadline_ || (events & fsm::deadline) != 0;
    const auto tell = [&](bool& armed, bool ready, unsigned bit) {
      if (armed && ready) armed = false, events |= bit;
    };
    tell(out.armed, out.in_pipe > 0 || out.closed, fsm::out_readable);
    tell(err.armed, err.in_pipe > 0 || err.closed, fsm::err_readable);
    tell(exit_armed, exited, fsm::may_have_exited);
    tell(input_armed, input_ready || exited, fsm::writable);
    return events;
  }

  /// Does what the machine says. True: it is to be asked again at once.
  bool carry_out(fsm& machine, action now) {
    switch (now) {
      case action::look_for_exit: machine.exit_looked(exited, true); break;
      case action::watch_exit:
        must(!(exit_armed), "!(exit_armed)");
        exit_armed = true;
        break;
      case action::close_input:
        must(input_open, "input_open");
        input_open = false;
        end_making();
        break;
      case action::cancel_input:
        must(making || pending & fsm::made, "there is something to cancel");
        must(!making_cancelled, "it is cancelled once");
        making_cancelled = true;
        if (choose_(2) == 1) end_making();  // or later
        break;
      case action::write: write(machine); break;
      case action::watch_input:
        must(!(input_armed), "!(input_armed)");
        input_armed = true;
        break;
      case action::read_out: read(machine, out); break;
      case action::read_err: read(machine, err); break;
      case action::watch_out: watch(out); break;
      case action::watch_err: watch(err); break;
      case action::look_for_group: machine.group_looked(group_alive); break;
      case action::start_linger:
        must(linger_ == timer::off, "it lingers once");
        linger_ = timer::running;
        break;
      case action::start_idle:
        must(idle_ != timer::passed || heard_ || group_alive, "silence for so long is enough");
        idle_ = timer::running;
        heard_ = false;
        break;
      case action::restart_silence: silence_ = timer::running; break;
      case action::copy_out: copy(machine, out); break;
      case action::copy_err: copy(machine, err); break;
      case action::cancel_copy:
        must(copying, "copying");
        must(!(copy_cancelled), "!(copy_cancelled)");
        copy_cancelled = true;
        copying = false;  // it ends when it is asked to
        pending |= fsm::copied;
        break;
      case action::check_bounds:
        over_limit = out.received > most || err.received > most;
        machine.bounds_checked(!over_limit);
        break;
      case action::yield:
      case action::sleep:
      case action::finish: return false;
    }
    return true;
  }

  bool over_limit = false;
  unsigned most;
  bool deadline_passed() const { return deadline_ == timer::passed; }
  bool heard_since_idle() const { return heard_; }
  bool lingered() const { return linger_ == timer::passed; }

  /// Whatever could come next will wake it.
  void check_asleep(const fsm& machine) const {
    if (making_cancelled) return;
    if (copying || pending & fsm::copied) {
      if (told_deadline_ && !machine.exited()) must(copy_cancelled, "a late copy is cancelled");
      return;
    }
    must(machine.exited() || exit_armed, "it waits for the exit");
    must(!input_open || input_armed || making || pending & fsm::made, "it waits for stdin");
    for (const output_model* each : {&out, &err})
      if (each->piped && !each->saw_end) must(each->armed, "it waits for the output");
  }

 private:
  enum class timer { off, running, passed };

  void exit_now() {
    exited = true;
    for (output_model* each : {&out, &err}) {
      each->in_pipe += std::exchange(each->to_write, 0u);  // the last it does
      each->closed = !each->held;
    }
  }

  void write(fsm& machine) {
    must(input_open, "input_open");
    must(!making, "nothing is written while it is being made");
    if (makes_input_ && !made_) {
      making = made_ = true;
      return machine.wrote(fsm::write_result::making);
    }
    made_ = false;
    if (exited) return machine.wrote(fsm::write_result::done);  // broken pipe
    if (choose_(2) == 1) {
      input_ready = false;
      return machine.wrote(fsm::write_result::blocked);
    }
    --input_left;
    machine.wrote(input_left == 0 ? fsm::write_result::done : fsm::write_result::some);
  }

  /// It ends when it is asked to.
  void end_making() {
    if (std::exchange(making, false)) pending |= fsm::made;
  }

  void read(fsm& machine, output_model& each) {
    must(each.piped, "each.piped");
    must(!(each.saw_end), "!(each.saw_end)");
    if (each.in_pipe == 0) {
      each.saw_end = each.closed;
      return machine.was_read(each.closed ? fsm::read_result::end : fsm::read_result::blocked);
    }
    const unsigned count = 1 + choose_(each.in_pipe);
    each.in_pipe -= count;
    each.received += count;
    heard_ = true;
    machine.was_read(each.in_pipe == 0 ? fsm::read_result::drained : fsm::read_result::more);
  }

  void watch(output_model& each) {
    must(!(each.armed), "!(each.armed)");
    each.armed = true;
  }

  void copy(fsm& machine, output_model& each) {
    if (each.copied == each.received) return machine.piece(fsm::piece_result::none);
    ++each.copied;
    const unsigned way = choose_(3);
    if (way == 0) return machine.piece(fsm::piece_result::handed_over);
    if (way == 1) return machine.piece(fsm::piece_result::paused);
    copying = true;
    copy_cancelled = false;
    machine.piece(fsm::piece_result::started);
  }

  const chooser& choose_;
  bool heard_ = false, told_deadline_ = false;
  bool makes_input_, made_ = false;
  bool can_cancel_;
  timer deadline_, silence_, idle_ = timer::off, linger_ = timer::off;
};

/// Plays one communication to its end and looks at what has come of it.
void play(const scene& played, const chooser& choose) {
  const fsm::setup& start = played.setup;
  model world(choose, played);
  const unsigned before_out = world.out.to_write + world.out.late;
  const unsigned before_err = world.err.to_write + world.err.late;

  fsm machine(start);
  int steps = 0;
  bool told = false;  // of a cancellation, which wakes once
  for (;;) {
    if (++steps > 10000) must(false, "it does not come to an end");
    const action now = machine.next();
    if (world.carry_out(machine, now)) continue;
    if (now == action::finish) break;
    if (now == action::sleep) {
      world.check_asleep(machine);
      // Things happen until the loop has something to tell. If nothing can, it sleeps for ever.
      unsigned events = 0;
      bool interrupted = false;
      for (;;) {
        interrupted = world.cancelled;
        events = world.take_events();
        if (events != 0 || (interrupted && !start.shielded && !told)) break;
        if (!world.happen()) must(false, "it sleeps, and nothing can wake it");
      }
      if (interrupted) machine.cancel(), told = true;
      machine.resume(events);
    } else {
      for (unsigned i = choose(3); i > 0; --i) world.happen();
      if (world.cancelled) machine.cancel();
      machine.resume(world.take_events());
    }
  }

  // The end is what it must be, whatever the order of events was.
  const auto written = [](const output_model& each) {
    return each.received + each.in_pipe + each.to_write + each.late;
  };
  must(written(world.out) == before_out,
       "written(world.out) == before_out");  // nothing lost, nothing twice
  must(written(world.err) == before_err, "written(world.err) == before_err");
  const auto read_to_the_end = [](const output_model& each) { return !each.piped || each.saw_end; };
  const bool all_read = read_to_the_end(world.out) && read_to_the_end(world.err);
  switch (machine.outcome()) {
    case outcome::complete: {
      const bool out_of_time = world.lingered() || world.deadline_passed();
      must(world.exited, "world.exited");
      must(machine.left_open() == !all_read, "machine.left_open() == !all_read");
      // A pipe that is given up since it is silent has been read empty, and only a grandchild can
      // still hold it.
      for (const output_model* each : {&world.out, &world.err}) {
        must(each->in_pipe == 0 || out_of_time, "it has been read empty");
        if (each->piped && !each->saw_end) must(each->held || out_of_time, "a grandchild holds it");
      }
      must(!(world.input_open), "!(world.input_open)");
      if (machine.left_open() && !world.deadline_passed() && !world.lingered()) {
        must(!world.heard_since_idle(), "it has been silent before it is given up");
        must(!world.group_alive, "nor is it while the group lives");
      }
      if (!world.cancelled && !world.deadline_passed()) {
        if (start.copy_out)
          must(world.out.copied == world.out.received, "world.out.copied == world.out.received");
        if (start.copy_err)
          must(world.err.copied == world.err.received, "world.err.copied == world.err.received");
      }
      break;
    }
    case outcome::cancelled:
      must(world.cancelled, "world.cancelled");
      must(!(start.shielded), "!(start.shielded)");
      break;
    case outcome::timed_out: must(world.deadline_passed(), "world.deadline_passed()"); break;
    case outcome::silent: break;
    case outcome::over_limit: must(world.over_limit, "world.over_limit"); break;
  }
  must(!(world.copying), "!(world.copying)");
  if (!start.leaves_input) must(!world.making, "nobody makes input any more");
}

}  // namespace

TEST_CASE("communicate_fsm: every short sequence of events ends as it must") {
  std::vector<scene> scenes;
  for (const bool input : {false, true})
    for (const bool err : {false, true})
      for (const int rest : {0, 1, 2, 3, 4, 5, 6}) {
        scene played;
        played.setup.input = input;
        played.setup.out = true;
        played.setup.err = err;
        if (rest == 1) played.deadline = played.can_cancel = true;
        if (rest == 2) played.setup.copy_out = played.deadline = true;
        if (rest == 3) played.setup.copy_out = played.setup.copy_err = played.can_cancel = true;
        if (rest == 4) played.silence = played.setup.stopping = played.deadline = true;
        if (rest == 5) played.setup.bounded = played.setup.shielded = played.can_cancel = true;
        if (rest == 5) played.most = 1;
        if (rest == 6) played.making = played.deadline = played.can_cancel = true;
        if (rest == 6) played.setup.leaves_input = err;
        scenes.push_back(played);
      }
  // All sequences that differ within so many choices; what comes after is the first way each time.
  constexpr std::size_t depth = 11;
  std::size_t count = 0;
  for (const scene& played : scenes) {
    std::vector<unsigned> taken, ways;
    std::size_t at = 0;
    const chooser choose = [&](unsigned choices) -> unsigned {
      if (at >= depth) return 0;
      if (at == taken.size()) taken.push_back(0), ways.push_back(choices);
      return taken[at++];
    };
    for (bool more = true; more; ++count) {
      at = 0;
      try {
        play(played, choose);
      } catch (const std::logic_error& e) {
        std::string choices;
        for (const unsigned choice : taken) choices += std::to_string(choice) + ' ';
        FAIL("does not hold: " << e.what() << "; scene " << &played - scenes.data() << ", choices "
                               << choices);
      }
      taken.resize(at);
      ways.resize(at);
      while (!taken.empty() && taken.back() + 1 == ways.back()) taken.pop_back(), ways.pop_back();
      more = !taken.empty();
      if (more) ++taken.back();
    }
  }
  CHECK(count > 50'000);
}

TEST_CASE("communicate_fsm: thousands of random sequences end as they must") {
  static std::random_device any;
  const unsigned first = any();
  for (unsigned i = 0; i < 20'000; ++i) {
    const unsigned seed = first + i;
    std::mt19937 random(seed);
    const chooser choose = [&](unsigned ways) -> unsigned {
      return static_cast<unsigned>(random() % ways);
    };
    scene played;
    played.setup.input = choose(2) == 1;
    played.setup.out = choose(4) != 0;
    played.setup.err = choose(2) == 1;
    played.setup.copy_out = played.setup.out && choose(3) == 0;
    played.setup.copy_err = played.setup.err && choose(3) == 0;
    played.setup.stopping = choose(4) == 0;
    played.setup.shielded = choose(4) == 0;
    played.setup.bounded = choose(4) == 0;
    played.most = choose(3);
    played.deadline = choose(3) == 0;
    played.silence = choose(3) == 0;
    played.can_cancel = choose(2) == 1;
    played.making = choose(2) == 1;
    played.setup.leaves_input = choose(2) == 1;
    try {
      play(played, choose);
    } catch (const std::logic_error& e) {
      FAIL("does not hold: " << e.what() << "; the seed was " << seed);
    }
  }
}

TEST_CASE("communicate_fsm: a child that has exited before it began is not waited for") {
  fsm::setup start;
  start.exited = true;
  start.out = true;
  fsm machine(start);
  CHECK(machine.next() == action::read_out);  // its end is near
  machine.was_read(fsm::read_result::end);
  CHECK(machine.next() == action::finish);
  CHECK(machine.outcome() == outcome::complete);
}

TEST_CASE("communicate_fsm: a child given away ends it as if cancelled") {
  fsm::setup start;
  start.out = true;
  fsm machine(start);
  while (machine.next() != action::sleep) {
  }
  machine.abandon();
  machine.resume(fsm::out_readable);
  for (action now = machine.next(); now != action::finish; now = machine.next())
    if (now == action::read_out) machine.was_read(fsm::read_result::end);
  CHECK(machine.outcome() == outcome::cancelled);
}

TEST_CASE("communicate_fsm: an exit in the same tick as the deadline counts as an exit") {
  fsm::setup start;
  start.out = true;
  fsm machine(start);
  while (machine.next() != action::sleep) {
  }
  machine.resume(fsm::deadline);
  action now = machine.next();
  REQUIRE(now == action::look_for_exit);
  machine.exit_looked(true, true);
  for (now = machine.next(); now != action::finish; now = machine.next())
    if (now == action::read_out) machine.was_read(fsm::read_result::end);
  CHECK(machine.outcome() == outcome::complete);
}

TEST_CASE("communicate_fsm: a pipe that a grandchild holds is given up when it has been silent") {
  fsm::setup start;
  start.exited = true;
  start.out = true;
  fsm machine(start);
  int idle_timers = 0;
  bool more = true;
  for (action now = machine.next(); now != action::finish; now = machine.next()) {
    if (now == action::read_out)
      machine.was_read(std::exchange(more, false) ? fsm::read_result::drained
                                                  : fsm::read_result::blocked);
    if (now == action::start_idle) ++idle_timers;
    if (now == action::sleep) {
      REQUIRE(idle_timers > 0);  // else nothing would wake it
      machine.resume(fsm::pipe_is_idle);
    }
  }
  CHECK(machine.left_open());
}

TEST_CASE("communicate_fsm: a pipe into which a grandchild writes for ever is given up as well") {
  fsm::setup start;
  start.exited = true;
  start.out = true;
  fsm machine(start);
  bool lingers = false;
  int reads = 0;
  for (action now = machine.next(); now != action::finish; now = machine.next()) {
    if (now == action::read_out)
      machine.was_read(++reads % 2 == 1 ? fsm::read_result::drained : fsm::read_result::blocked);
    if (now == action::start_linger) lingers = true;
    if (now == action::sleep)
      machine.resume(reads < 100 ? fsm::out_readable | fsm::pipe_is_idle : +fsm::lingered);
  }
  CHECK(lingers);
  CHECK(machine.left_open());
}

}  // namespace communicate_fsm_tests
