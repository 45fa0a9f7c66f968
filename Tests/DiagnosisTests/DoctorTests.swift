import Collectives
import Foundation
import Synchronization
import Testing

@testable import Diagnosis
@testable import Host

/// The whole examination on this machine.
@Suite struct DoctorTests {
  @Test func aloneNothingIsWrong() throws {
    let findings = try Doctor.examine(SoloCommunicator(), .init(launch: nil, ranks: 1, environment: [:]))
    #expect(findings.allSatisfy { $0.verdict != .wrong && ($0.verdict == .fine) == ($0.remedy == nil) })
    let names = [
      "ranks", "messages", "hosts", "products", "cores", "MPI settings", "network", "memory", "huge pages", "open files",
    ]
    #expect(names.allSatisfy { finding($0, in: findings) != nil } && finding("barrier", in: findings) == nil)
  }

  @Test func everyRankComesToTheSameVerdict() throws {
    let results = Mutex<[[Finding]]>([])
    try RankThreads.run(ranks: 3) { communicator in
      let findings = try Doctor.examine(communicator, .init(launch: nil, ranks: 4, environment: ["OMPI_MCA_btl": "self"]))
      #expect(communicator.state.traffic.bytes.allSatisfy { $0 == 0 })
      results.withLock { $0.append(findings) }
    }
    let measured = { (finding: Finding) in finding.name == "barrier" || finding.name.hasPrefix("all-") || finding.name == "memory"
    }
    let all = results.withLock { $0 }
    #expect(all.count == 3 && Set(all.map { $0.filter { !measured($0) }.map(\.found) }).count == 1)
    #expect(all[0].filter(measured).count == 6)
    #expect(finding("ranks", in: all[0])?.verdict == .wrong)
    #expect(finding("MPI settings", in: all[0])?.found.hasPrefix("1 in the environment") == true)
  }

  @Test func factsAreEveryRanksOwn() throws {
    try RankThreads.run(ranks: 3) { communicator in
      var own = RankFacts.own(
        communicator, environment: ["SECRET": "x", "OMPI_MCA_btl": "self", "SLURM_NTASKS": "3", "SLURM_JWT": "x"])
      #expect(own.variables == ["OMPI_MCA_btl": "self", "SLURM_NTASKS": "3"])
      own.host = String(repeating: "ä", count: communicator.rank)
      let all = try RankFacts.gather(own, communicator)
      #expect(all.map(\.rank) == [0, 1, 2] && all.map(\.host.count) == [0, 1, 2] && all[communicator.rank] == own)
    }
  }

  @Test func startupProblemsAreLinesWithTheirRemedy() throws {
    let cores = Machine.affinity.count
    try RankThreads.run(ranks: cores + 1) { communicator in
      let problems = try Doctor.startupProblems(communicator, .init(launch: nil, ranks: cores, environment: [:]))
      let expected = "ranks: \(cores + 1), no launcher, but \(cores) are expected; start \(cores): "
      #expect(problems.count == 2 && problems[0].hasPrefix(expected))
      #expect(problems[1].hasPrefix("cores: ranks 0-\(cores) share core"))
      #expect(problems[1].hasSuffix("; start fewer ranks: --ranks \(cores)"))
    }
    #expect(try Doctor.startupProblems(SoloCommunicator(), .init(launch: nil, environment: [:])).isEmpty)
  }

  @Test func processesThatAreAloneAreWrong() throws {
    let launch = try #require(Launch.detect(["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "2"]))
    let error = #expect(throws: LaunchError.self) { try MPIWorld.start(launch) }
    let findings = try Doctor.examine(refused: try #require(error), .init(launch: launch, ranks: 4, environment: [:]))
    #expect(findings[0].name == "launch" && findings[0].verdict == .wrong && findings[0].remedy?.contains("--mpi=pmi") == true)
    #expect(findings.dropFirst().allSatisfy { $0.verdict != .wrong })
  }

  @Test func aProcessMayReadItself() {
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    defer { byte.deallocate() }
    #expect(MPIWorld.canRead(process: Int(getpid()), address: UInt64(UInt(bitPattern: byte))))
    #expect(!MPIWorld.canRead(process: Int(getpid()), address: 0))
    #expect(!MPIWorld.canRead(process: Int(Int32.max), address: 0))
  }
}
