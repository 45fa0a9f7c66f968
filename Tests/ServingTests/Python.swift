import Foundation

/// The machine's python3, where it has one: an independent reader of the files we write.
enum Python {
  /// Whether python3 can import numpy.
  static let hasNumPy = (try? run(["-c", "import numpy"]).status) == 0

  /// Runs python3; returns its exit status and what it printed.
  static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}
