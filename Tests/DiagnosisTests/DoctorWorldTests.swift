import Collectives
import Testing

@testable import Diagnosis

/// How many ranks, where, and whether each has a core.
@Suite struct DoctorWorldTests {
  private func promise(ranks: Int? = nil) -> Doctor.Promise {
    let launch = Launch.detect(["OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"])
    return Doctor.Promise(launch: launch, ranks: ranks, environment: [:])
  }

  @Test func aFineWorldIsFine() {
    let facts = fineFacts(hosts: ["a", "b"])
    let findings = Doctor.worldFindings(facts, promise(ranks: 4)) + Doctor.coreFindings(facts)
    #expect(findings.allSatisfy { $0.verdict == .fine && $0.remedy == nil })
    #expect(finding("hosts", in: findings)?.found == "2: a (ranks 0-1), b (ranks 2-3)")
    #expect(finding("ranks", in: findings)?.found == "4, Open MPI's mpirun")
    #expect(finding("cores", in: findings)?.found == "4 ranks on cores 0-3 / 0-3")
  }

  @Test func anotherNumberOfRanksThanExpectedIsWrong() {
    let wrong = finding("ranks", in: Doctor.worldFindings(fineFacts(), promise(ranks: 8)))
    #expect(wrong?.verdict == .wrong && wrong?.found.contains("8 are expected") == true)
    #expect(wrong?.remedy?.contains("mpirun -n 8") == true)
  }

  @Test func slurmsPromiseIsCompared() {
    var facts = fineFacts()
    facts[0].variables["SLURM_NTASKS"] = "6"
    let notice = finding("ranks", in: Doctor.worldFindings(facts, promise()))
    #expect(notice?.verdict == .notice && notice?.remedy?.contains("mpirun -n 6") == true)
    // Who says how many they want is believed.
    #expect(finding("ranks", in: Doctor.worldFindings(facts, promise(ranks: 2)))?.verdict == .fine)
    facts[0].variables["SLURM_NTASKS"] = "2"
    #expect(finding("ranks", in: Doctor.worldFindings(facts, promise()))?.verdict == .fine)
  }

  @Test func librariesThreadsAndBuildsMustAgree() {
    var facts = fineFacts()
    facts[1].backend = "Open MPI 4.1.6"
    facts[1].programBytes = 2000
    let findings = Doctor.worldFindings(facts, promise())
    #expect(finding("messages", in: findings)?.verdict == .wrong && finding("program", in: findings)?.verdict == .wrong)
    for rank in facts.indices { (facts[rank].backend, facts[rank].threadLevel) = ("MPICH 4.0.2", "single") }
    #expect(finding("messages", in: Doctor.worldFindings(facts, promise()))?.verdict == .notice)
  }

  @Test func slowOrMixedProcessorsAreWorthKnowing() {
    var facts = fineFacts()
    facts[1].instructionSet = "avx512"
    #expect(finding("products", in: Doctor.worldFindings(facts, promise()))?.found.contains("rank 1 has") == true)
    for rank in facts.indices { facts[rank].instructionSet = "sse2" }
    #expect(finding("products", in: Doctor.worldFindings(facts, promise()))?.remedy?.contains("AVX2") == true)
  }

  @Test func allRanksMultiplyBFloat16ByOneKernel() {
    func found(_ kernels: [[String]], wrong: [String] = []) -> Finding? {
      var facts = fineFacts(hosts: ["a", "b"])
      for rank in facts.indices {
        (facts[rank].bfloat16Kernels, facts[rank].bfloat16Products) = (kernels[rank], "\(kernels[rank].last ?? "none"); why")
      }
      facts[3].wrongKernels = wrong
      return finding("bf16 products", in: Doctor.worldFindings(facts, promise()))
    }
    let same = found([["old", "new"], ["old", "new"], ["old", "new"], ["old", "new"]])
    #expect(same?.found == "new; why" && same?.verdict == .fine)
    let mixed = found([["first", "old", "new"], ["first", "old", "new"], ["first", "old"], ["first", "old"]])
    #expect(mixed?.found == "new; rank 2 has old" && mixed?.verdict == .notice)
    #expect(mixed?.remedy?.hasSuffix("bf16 is computed by old on all of these") == true)
    #expect(found([["old"], ["old"], ["other"], []])?.remedy?.contains("in fp32") == true)
    let wrong = found([["old"], ["old"], ["old"], ["old"]], wrong: ["new"])
    #expect(wrong?.found == "rank 3 on b: old; why" && wrong?.verdict == .notice && wrong?.remedy?.contains("of b") == true)
  }

  @Test func twoRanksOnOneCoreAreWrong() {
    var facts = fineFacts(hosts: ["a", "b"])
    (facts[2].cores, facts[3].cores) = ([1], [1])
    let findings = Doctor.coreFindings(facts)
    #expect(findings.count == 1 && findings[0].verdict == .wrong)
    #expect(findings[0].found == "ranks 2-3 share core 1 of b" && findings[0].remedy?.contains("--bind-to none") == true)
    // Apart from each other they are fine, and so is one pinned rank beside one that is not.
    facts[3].cores = [2]
    #expect(Doctor.coreFindings(facts).map(\.verdict) == [.fine])
    facts[3].cores = [0, 1, 2, 3]
    #expect(Doctor.coreFindings(facts).map(\.verdict) == [.fine])
  }

  /// A launcher that pins nothing, because it was told not to or has no other cores, need not be told.
  @Test func onlyWhoMayBePinnedIsToldToBindNone() {
    func remedy(_ change: (inout RankFacts) -> Void) -> String? {
      var facts = fineFacts()
      for rank in facts.indices {
        facts[rank].cores = [1]
        change(&facts[rank])
      }
      return Doctor.coreFindings(facts)[0].remedy
    }
    #expect(remedy { $0.onlineCores = 2 }?.contains("--bind-to none") == true)
    #expect(remedy { $0.onlineCores = 1 } == "start fewer ranks on this host")
    #expect(
      remedy { ($0.onlineCores, $0.variables) = (2, ["OMPI_MCA_hwloc_base_binding_policy": "none"]) }
        == "start fewer ranks on this host")
  }

  @Test func moreRanksThanCoresAreWrong() {
    var facts = fineFacts()
    for rank in facts.indices { (facts[rank].cores, facts[rank].threadLevel) = ([3], nil) }
    #expect(Doctor.coreFindings(facts)[0].remedy == "start fewer ranks: --ranks 1")
  }

  @Test func aContainersQuotaIsWorthKnowing() {
    var facts = fineFacts()
    for rank in facts.indices { facts[rank].quota = 1.5 }
    let findings = Doctor.coreFindings(facts)
    #expect(findings.map(\.verdict) == [.notice] && findings[0].found.contains("1.5 cores' worth of time to 2 ranks"))
    for rank in facts.indices { facts[rank].quota = 2 }
    #expect(Doctor.coreFindings(facts).map(\.verdict) == [.fine])
  }
}
