import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Supervision

/// Chains of commands side by side.
///
/// Stops are tested by `precise ablate` itself (AblateCommandTests): signals belong to a whole process.
struct JobPoolTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: [1, 3]) func everyChainGoesItsWay(atOnce: Int) throws {
    let told = Mutex<[Int: [Int32]]>([:])
    let folder = folder
    var pool = JobPool(
      chains: 5, atOnce: atOnce,
      next: { chain in
        let steps = told.withLock { $0[chain]?.count ?? 0 } + 1
        guard steps <= 3 else { return nil }
        // Chain 3 fails in its second command, chain 4 is killed in its first.
        let script =
          chain == 3 && steps == 2
          ? "echo bad >&2; exit 9" : chain == 4 ? "kill -9 $$" : "echo \(chain) \(steps); echo said >&2"
        let output = steps == 3 ? folder.file("\(chain).out") : nil
        return JobPool.Job(words: ["/bin/sh", "-c", script], output: output, log: folder.file("\(chain).log"))
      },
      ended: { chain, status in
        told.withLock { $0[chain, default: []].append(status) }
        return status == 0
      }, note: { _ in })
    let wasStopped = try pool.run()
    #expect(!wasStopped)
    let statuses = told.withLock { $0 }
    for chain in 0..<3 {
      #expect(statuses[chain] == [0, 0, 0])
      #expect(
        try String(contentsOfFile: folder.file("\(chain).log"), encoding: .utf8) == "\(chain) 1\nsaid\n\(chain) 2\nsaid\nsaid\n")
      #expect(try String(contentsOfFile: folder.file("\(chain).out"), encoding: .utf8) == "\(chain) 3\n")
    }
    #expect(statuses[3] == [0, 9] && statuses[4] == [137])
    #expect(try String(contentsOfFile: folder.file("3.log"), encoding: .utf8).hasSuffix("bad\n"))
  }

  /// Each waits for a file that the other one makes.
  @Test func chainsRunSideBySide() throws {
    let names = [folder.file("a"), folder.file("b")]
    let scripts = (0..<2).map {
      "touch \(names[$0]); for i in $(seq 200); do [ -e \(names[1 - $0]) ] && exit 0; sleep 0.05; done; exit 1"
    }
    let statuses = Mutex<[Int32]>([])
    let path = folder.file("log")
    var pool = JobPool(
      chains: 2, atOnce: 2, next: { JobPool.Job(words: ["/bin/sh", "-c", scripts[$0]], log: path) },
      ended: { _, status in
        statuses.withLock { $0.append(status) }
        return false
      }, note: { _ in })
    let wasStopped = try pool.run()
    #expect(!wasStopped && statuses.withLock { $0 } == [0, 0])
  }

  @Test func nothingToDoAndWhatCannotStart() throws {
    var none = JobPool(chains: 0, atOnce: 4, next: { _ in nil }, ended: { _, _ in true }, note: { _ in })
    let nothing = try none.run()
    #expect(!nothing)
    var whole = JobPool(chains: 3, atOnce: 1, next: { _ in nil }, ended: { _, _ in true }, note: { _ in })
    let nothingLeft = try whole.run()
    #expect(!nothingLeft)
    let path = folder.file("log")
    var lost = JobPool(
      chains: 2, atOnce: 1, next: { _ in JobPool.Job(words: ["/no/such/program"], log: path) }, ended: { _, _ in true },
      note: { _ in })
    #expect(throws: StartFailure.self) { try lost.run() }
  }
}
