import ArgumentParser
import Collectives
import Config
import Files
import Foundation
import Glibc
import Reporting
import Runs
import Training

/// The exit codes of every command, and the one place where an error becomes one.
enum PreciseExit {
  /// Wrong usage or configuration (sysexits' EX_USAGE); argument-parser uses the same for its own complaints.
  static let usage = ExitCode(64)
  /// Bad input data (EX_DATAERR), or ranks that are not what was promised.
  static let badInput = ExitCode(65)
  /// A fault of ours (EX_SOFTWARE).
  static let fault = ExitCode(70)
  /// Stopped by a signal after a checkpoint (EX_TEMPFAIL): run it again.
  static let stopped = ExitCode(75)

  /// The same fault often shows on every process of a job: rank 0 speaks first, and its end is the others'.
  ///
  /// - Returns: whether the launcher has begun to end the job meanwhile; the cause is told then.
  private static func isToldByAnother() -> Bool {
    guard let rank = Launch.detect(ProcessInfo.processInfo.environment)?.rank, rank > 0 else { return false }
    let wasStopped = StopSignal.isRequested
    for _ in 0..<200 {
      usleep(10_000)
      if !wasStopped && StopSignal.isRequested { return true }
    }
    return false
  }

  /// Prints an error's sentence on stderr and returns the code that fits.
  static func report(_ error: any Error) -> ExitCode {
    let cause = (error as? RankFailure)?.cause ?? error
    // Which thread met wrong input says nothing; which host's process did may.
    let isEverywhere = cause is InputError && !RankOptions.isLaunched
    let location = isEverywhere ? "" : (error as? RankFailure).map { " (\($0.location))" } ?? ""
    if let code = cause as? ExitCode { return code }
    let isTold = isToldByAnother()
    let (code, sentence): (ExitCode, String) =
      switch cause {
      case let failure as CommandFailure: (failure.code, failure.message)
      case is InputError, is LaunchError, is ThreadLevelError: (badInput, "\(cause)")
      case is ConfigProblems: (usage, "\(cause)")
      case is StoppedEarly: (stopped, "\(cause)")
      case is MPIError, is NotFiniteError, is RankTimeout: (fault, "\(cause)")
      case is PeerFailure: (fault, "\(cause) without saying why")
      default: (fault, "a fault of this program: \(cause); please report it")
      }
    if !sentence.isEmpty && !isTold { printError(sentence + location) }
    return code
  }
}

/// A failure with its exit code and the sentence for stderr.
struct CommandFailure: Error {
  let code: ExitCode
  /// One sentence that says what to do; empty prints nothing.
  let message: String

  init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// Runs a command's body; any error ends it with one sentence on stderr and the code that fits.
///
/// `InputError`, `LaunchError` and `ThreadLevelError` are 65, `CommandFailure` its own code, argument-parser's errors stay as they are, anything else is 70.
///
/// So does a body whose results did not all reach stdout.
func reportingFailures<Result>(_ body: () throws -> Result) throws -> Result {
  do {
    let result = try body()
    if let reason = StandardOutput.failure {
      throw CommandFailure(PreciseExit.fault, "the results cannot be written to standard output: \(reason)")
    }
    return result
  } catch let error as ValidationError {
    throw error
  } catch {
    throw PreciseExit.report(error)
  }
}

/// What a command says that a signal stops and that has nothing to save.
struct StopWords {
  /// The command's name; empty where nothing is to be said.
  let command: String

  /// Describes a command of this process.
  ///
  /// Who follows a run stops looking in this way. Of a job's processes the first speaks.
  init(of command: any ParsableCommand) {
    let isFirst = Launch.detect(ProcessInfo.processInfo.environment)?.rank ?? 0 == 0
    self.command = command is WatchCommand || !isFirst ? "" : type(of: command).configuration.commandName ?? ""
  }

  /// Makes the words of a command of this name.
  init(command: String) { self.command = command }

  /// One line: what was stopped, by which signal, and whether half-written files are left.
  func sentence(signal: Int32, left: [String]) -> String {
    guard !command.isEmpty else { return "" }
    let name = [SIGINT: "Ctrl-C (SIGINT)", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP"][signal] ?? "signal \(signal)"
    let rest =
      left.isEmpty
      ? "no half-written file is left" : "remove what could not be removed: \(left.map(printable).joined(separator: ", "))"
    return "precise: \(command) was stopped by \(name); \(rest)\n"
  }
}

/// Prints a line of a command's results; in place of Swift's own, which loses what a full disk refuses.
func print(_ text: some CustomStringConvertible) {
  StandardOutput.write("\(text)\n")
}

/// Prints `precise: <sentence>` to stderr.
func printError(_ sentence: String) {
  guard !sentence.isEmpty else { return }
  // A sentence may quote a file or an argument; what is printed must not steer the terminal.
  let lines = sentence.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
  StandardError.writeLast("precise: \(lines.joined(separator: "\n"))\n")
}

/// Prints a line to stderr.
func printToError(_ line: String) {
  StandardError.write(line + "\n")
}
