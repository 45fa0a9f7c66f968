import Config
import Files
import TestSupport

/// A family of parsers of outside data, and inputs that they take.
struct FuzzTarget {
  /// Gives an input to the parsers; whatever they do other than taking or refusing it ends the process.
  typealias Reader = (UnsafeRawBufferPointer) -> Void

  let name: String
  /// Prepares what an input needs around it, in a folder of its own that stays for the whole run.
  let reader: (TemporaryFolder) throws -> Reader
  /// Good inputs that the real writers make, beside those that are committed under `Seeds/<name>`.
  let seeds: (TemporaryFolder) throws -> [[UInt8]]

  init(
    _ name: String, seeds: @escaping (TemporaryFolder) throws -> [[UInt8]] = { _ in [] },
    reader: @escaping (TemporaryFolder) throws -> Reader
  ) {
    self.name = name
    self.reader = reader
    self.seeds = seeds
  }

  /// All of them.
  static var all: [FuzzTarget] {
    rowTargets + [config, safetensors, tokenStates] + datasetTargets + checkpointTargets + vectorTargets + [run, events]
  }
}

/// Runs a parser: to take the input is fine and to refuse it in one sentence is fine; any other error is a finding.
///
/// Returns whether it was taken.
@discardableResult
func attempt(_ body: () throws -> Void) -> Bool {
  do {
    try body()
    return true
  } catch let error as InputError {
    must(!error.description.isEmpty && !error.description.contains("\n"), "no sentence: \(error)")
  } catch is ConfigProblems {
  } catch {
    fatalError("no proper refusal, but \(type(of: error)): \(error)")
  }
  return false
}

/// A finding unless it holds; optimized builds print nothing for a `precondition`.
func must(_ holds: Bool, _ fault: @autoclosure () -> String) {
  if !holds { fatalError(fault()) }
}
