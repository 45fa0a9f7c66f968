import Foundation
import TestSupport

/// libFuzzer with a target of ours; `cluster/local/fuzz.sh` is the way to start it.
///
///     Fuzzing --list                          names the targets
///     Fuzzing --seeds FOLDER                  writes each target's made inputs into FOLDER/<target>/
///     FUZZ_TARGET=csv Fuzzing OPTIONS FOLDER  fuzzes, with libFuzzer's own options
@main
enum Fuzzing {
  static func main() throws {
    switch CommandLine.arguments.dropFirst() {
    case ["--list"]: for target in FuzzTarget.all { print(target.name) }
    case let given where given.first == "--seeds" && given.count == 2: try writeSeeds(given[given.startIndex + 1])
    default: exit(fuzz(try chosenTarget()))
    }
  }

  private static func chosenTarget() throws -> FuzzTarget {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
      fatalError("FUZZ_TARGET=\(name) names no target; Fuzzing --list does")
    }
    return target
  }

  private static func writeSeeds(_ folder: String) throws {
    for target in FuzzTarget.all {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(target.name)", withIntermediateDirectories: true)
      for (number, seed) in try target.seeds(TemporaryFolder()).enumerated() {
        try Data(seed).write(to: URL(fileURLWithPath: "\(folder)/\(target.name)/made-\(number)"))
      }
    }
  }

  private static func fuzz(_ target: FuzzTarget) -> Int32 {
    do {
      let folder = try TemporaryFolder()
      reader = try target.reader(folder)
    } catch {
      fatalError("\(target.name) cannot start: \(error)")
    }
    var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
    return runFuzzer(&count, &arguments) { start, count in
      Fuzzing.reader(UnsafeRawBufferPointer(start: start, count: count))
      return 0
    }
  }

  /// What the chosen target does with an input; set once, before the fuzzer's loop in the same thread.
  private nonisolated(unsafe) static var reader: FuzzTarget.Reader = { _ in }
}

/// libFuzzer's loop, out of the toolchain's runtime; pointers and numbers only, so that C's calling convention is Swift's.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
