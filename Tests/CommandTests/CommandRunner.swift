import Foundation

/// What a run of the real binary printed and how it ended.
struct CommandResult {
  var code: Int32
  var output: String
  var errors: String

  /// Lines of stderr.
  var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
}

/// Runs the `precise` binary that was built beside the tests.
enum CommandRunner {
  /// Far more than any command of a test takes, on any machine.
  private static let mostSeconds = 300

  /// Runs it to its end with arguments and perhaps something on standard input.
  static func run(_ arguments: String..., input: Data = Data()) throws -> CommandResult { try run(arguments, input: input) }

  /// The binary's path.
  static func binary() throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("precise").path
  }

  /// The same with a list of arguments.
  ///
  /// - Parameters:
  ///   - folder: the working folder; the tests' own when nil.
  ///   - variables: `NAME=value`s that the environment has besides the tests' own.
  ///   - limit: KiB that its address space may have; nil = as the tests'.
  ///   - program: what is run instead of the binary.
  static func run(
    _ arguments: [String], input: Data = Data(), in folder: String? = nil, setting variables: [String] = [],
    addressSpace limit: Int? = nil, program: String? = nil
  ) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try program ?? binary())
    process.arguments = arguments
    if let limit {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", "ulimit -v \(limit); exec \"$@\"", "sh", try binary()] + arguments
    }
    if !variables.isEmpty {
      let pairs = variables.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
      process.environment = ProcessInfo.processInfo.environment.merging(pairs.map { ($0[0], $0[1]) }) { $1 }
    }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("precise-run-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    // Files instead of pipes: neither side can block on the other.
    let names = ["input", "output", "errors"].map { scratch.appendingPathComponent($0) }
    try input.write(to: names[0])
    for name in names[1...] { try Data().write(to: name) }
    process.standardInput = try FileHandle(forReadingFrom: names[0])
    process.standardOutput = try FileHandle(forWritingTo: names[1])
    process.standardError = try FileHandle(forWritingTo: names[2])
    try process.run()
    // A command that hangs is killed, and its test fails by the code -9.
    let watchdog = DispatchWorkItem { [number = process.processIdentifier] in kill(number, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(mostSeconds), execute: watchdog)
    process.waitUntilExit()
    watchdog.cancel()
    return CommandResult(
      // A signal's number, negative: a crash is no exit code.
      code: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try String(contentsOf: names[1], encoding: .utf8),
      errors: try String(contentsOf: names[2], encoding: .utf8))
  }
}
