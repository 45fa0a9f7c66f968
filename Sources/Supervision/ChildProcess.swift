import Glibc
import Host

/// A command that runs beside this process, in a process group of its own, so that a terminal's Ctrl-C reaches only its supervisor.
struct ChildProcess: ~Copyable {
  /// How a process ended, as a shell says it: its exit status, or 128 and the signal that killed it.
  typealias Status = Int32

  /// What stands for an end that was not seen: a fault of ours.
  private static let unknown: Status = 70

  private let process: pid_t

  /// Starts a command by its name on PATH or its path, without a shell and with nothing to read.
  ///
  /// - Parameter ignored: signals that the command is to ignore, as this process was told to.
  /// - Throws: `StartFailure` when the program cannot be started.
  init(_ words: [String], ignoring ignored: [Int32]) throws(StartFailure) {
    process = try Self.start(words, ignoring: ignored)
  }

  /// Starts a command and returns its process.
  ///
  /// - Parameters:
  ///   - output: the file that its standard output is written to, from the beginning; nil = this process's own.
  ///   - log: the file that its standard error is added to, and its standard output where that has no file; nil = this process's own.
  static func start(
    _ words: [String], ignoring ignored: [Int32], output: String? = nil, log: String? = nil
  ) throws(StartFailure) -> pid_t {
    var attributes = posix_spawnattr_t()
    var files = posix_spawn_file_actions_t()
    posix_spawnattr_init(&attributes)
    posix_spawn_file_actions_init(&files)
    defer {
      posix_spawnattr_destroy(&attributes)
      posix_spawn_file_actions_destroy(&files)
    }
    // The supervisor blocks and ignores signals that its command must hear.
    var (none, handled) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&handled)
    for signal in ignored { sigdelset(&handled, signal) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &handled)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    // A background group that reads from the terminal is stopped.
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    if let log {
      posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o666)
      if output == nil { posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO) }
    }
    if let output { posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o666) }
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, words[0], &files, &attributes, arguments, environ)
    guard code == 0 else { throw StartFailure(program: words[0], reason: systemReason(code)) }
    return process
  }

  /// The status, once the process has ended; nil while it runs.
  ///
  /// Takes note of the ends of other descendants on the way. Not asked again once there is a status: the number then belongs to nobody.
  func status() -> Status? {
    var status: Int32 = 0
    while true {
      let ended = waitpid(-1, &status, WNOHANG)
      if ended == process { return Self.meaning(of: status) }
      // Nobody else may wait for our children; a command whose end was not seen must not be waited for without end.
      if ended < 0 && errno == ECHILD { return Self.unknown }
      if ended <= 0 { return nil }
    }
  }

  /// What `waitpid` says of an end, as a shell says it.
  static func meaning(of status: Int32) -> Status {
    let signal = status & 0x7f
    return signal == 0 ? status >> 8 & 0xff : 128 + signal
  }

  /// Sends a signal to the process.
  func send(_ signal: Int32) { kill(process, signal) }

  /// Sends a signal to the process and all that it has started and kept in its group.
  func sendToGroup(_ signal: Int32) { kill(-process, signal) }
}

/// A program that cannot be started.
package struct StartFailure: Error, CustomStringConvertible {
  /// Its name or path.
  package let program: String
  /// The system's words.
  package let reason: String

  /// One sentence.
  package var description: String { "\(program) cannot be started (\(reason)); give a program on PATH, or its path" }
}

/// Signals as letters: they wait until they are read, and no handler runs.
///
/// Works as process 1 of a container too, where unblocked signals without a handler are lost.
struct Mailbox {
  private var signals = sigset_t()

  /// Takes these signals in from now on, for the calling thread and those it starts later.
  init(_ numbers: [Int32]) {
    sigemptyset(&signals)
    for number in numbers { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// The next signal, waited for at most so long; nil when none came.
  func next(within seconds: Double) -> Int32? {
    var (signals, information) = (signals, siginfo_t())
    let whole = seconds.rounded(.down)
    var time = timespec(tv_sec: Int(whole), tv_nsec: Int((seconds - whole) * 1e9))
    let number = sigtimedwait(&signals, &information, &time)
    return number > 0 ? number : nil
  }
}
