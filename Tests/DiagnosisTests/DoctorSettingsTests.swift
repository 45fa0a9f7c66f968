import Testing

@testable import Diagnosis
@testable import Host

/// Environment, network, limits: what is made of given facts.
@Suite struct DoctorSettingsTests {
  private func facts(
    _ variables: [String: String] = [:], library: String = "Open MPI 4.1.4", hosts: [String] = ["a"]
  ) -> [RankFacts] {
    fineFacts(hosts: hosts, backend: library).map { fact in
      var fact = fact
      fact.variables = variables
      return fact
    }
  }

  private func parameters(_ variables: [String: String], _ library: String) -> Finding {
    Doctor.settingFinding(facts(variables, library: library))
  }

  @Test func fineFactsAreFine() {
    let all = [Doctor.settingFinding(facts())] + Doctor.networkFindings(facts()) + Doctor.machineFindings(facts())
    #expect(all.allSatisfy { $0.verdict == .fine } && all.count == 6)
  }

  @Test func parametersOfTheOtherVersionAreWorthKnowing() {
    let old = ["OMPI_MCA_orte_default_hostfile": "hosts", "OMPI_MCA_plm_rsh_agent": "ssh", "OMPI_MCA_btl_tcp_if_include": "eth0"]
    #expect(parameters(old, "Open MPI 4.1.4").verdict == .fine)
    let notice = parameters(old, "Open MPI 5.0.3")
    #expect(notice.verdict == .notice && notice.found.hasPrefix("OMPI_MCA_orte_default_hostfile, OMPI_MCA_plm_rsh_agent,"))
    #expect(notice.remedy?.contains("PRTE_MCA_prte_default_hostfile") == true)
    let both = old.merging(["PRTE_MCA_prte_default_hostfile": "hosts", "PRTE_MCA_plm_ssh_agent": "ssh"]) { $1 }
    #expect(parameters(both, "Open MPI 5.0.3").verdict == .fine && parameters(both, "Open MPI 4.1.4").verdict == .fine)
    let new = ["PRTE_MCA_plm_ssh_agent": "ssh"]
    #expect(parameters(new, "Open MPI 4.1.4").remedy?.contains("OMPI_MCA_plm_rsh_agent") == true)
    #expect(parameters(new, "MPICH 4.0.2").verdict == .notice && parameters([:], "MPICH 4.0.2").verdict == .fine)
  }

  @Test(arguments: [
    ("OMPI_MCA_btl_vader_single_copy_mechanism", "OMPI_MCA_smsc"),
    ("OMPI_MCA_rmaps_base_mapping_policy", "PRTE_MCA_rmaps_base_mapping_policy"),
    ("OMPI_MCA_oob_tcp_if_include", "PRTE_MCA_prte_if_include"), ("OMPI_MCA_orte_x", "PRTE_MCA_prte_x"),
    ("OMPI_MCA_mpi_yield_when_idle", nil), ("PRTE_MCA_x", nil),
  ]) func namesInFive(name: String, other: String?) {
    #expect(Doctor.nameInFive(name) == other)
  }

  @Test(arguments: [
    ("PRTE_MCA_prte_if_include", "OMPI_MCA_oob_tcp_if_include"), ("PRTE_MCA_prte_x", "OMPI_MCA_orte_x"),
    ("PRTE_MCA_plm_ssh_agent", "OMPI_MCA_plm_rsh_agent"), ("OMPI_MCA_x", nil),
  ]) func namesInFour(name: String, other: String?) {
    #expect(Doctor.nameInFour(name) == other)
  }

  @Test func interfacesThatLeadNowhereAreWorthKnowing() {
    var ranks = facts(hosts: ["a", "b"])
    ranks[3].interfaces.append(.init(name: "docker0", address: "172.17.0.1"))
    let notice = Doctor.networkFindings(ranks)[0]
    #expect(notice.verdict == .notice && notice.found.contains("b has docker0 172.17.0.1"))
    #expect(notice.remedy?.contains("btl_tcp_if_include=eth0") == true)
    for rank in ranks.indices { ranks[rank].variables["OMPI_MCA_btl_tcp_if_exclude"] = "lo,docker0" }
    #expect(Doctor.networkFindings(ranks)[0].verdict == .fine)
    // On one host nothing leaves memory.
    #expect(Doctor.networkFindings(Array(ranks[2...]))[0].verdict == .fine)
  }

  @Test func aChosenInterfaceMustExistEverywhere() {
    var ranks = facts(["OMPI_MCA_btl_tcp_if_include": "eth0,10.0.0.0/24"], hosts: ["a", "b"])
    #expect(Doctor.networkFindings(ranks)[0].verdict == .fine)
    ranks[2].interfaces.removeLast()
    let wrong = Doctor.networkFindings(ranks)[0]
    #expect(wrong.verdict == .wrong && wrong.found == "btl_tcp_if_include names eth0, which b does not have")
  }

  @Test func aContainerThatForbidsSingleCopyIsWrongUnlessMPIWasTold() {
    #expect(Doctor.singleCopyFindings(facts(), refused: [])[0].verdict == .fine)
    let wrong = Doctor.singleCopyFindings(facts(), refused: [1])[0]
    #expect(wrong.verdict == .wrong && wrong.remedy?.contains("single_copy_mechanism=none") == true)
    let off = ["OMPI_MCA_btl_vader_single_copy_mechanism": "none"]
    #expect(Doctor.singleCopyFindings(facts(off), refused: [1])[0].verdict == .fine)
    #expect(Doctor.singleCopyFindings(facts(library: "MPICH 4.0.2"), refused: [1])[0].verdict == .fine)
  }

  @Test func limitsThatAreTooLowAreWorthKnowing() {
    var ranks = facts()
    ranks[1].openFiles = 256
    ranks[1].hugePages = "never"
    ranks[1].memory = 1 << 28
    ranks[1].sharedMemory = 1 << 20
    (ranks[1].lockedMemory, ranks[1].hasRemoteMemory) = (65_536, true)
    let findings = Doctor.machineFindings(ranks)
    for name in ["open files", "huge pages", "memory", "/dev/shm", "locked memory"] {
      #expect(finding(name, in: findings)?.verdict == .notice && finding(name, in: findings)?.remedy != nil, "\(name)")
    }
    #expect(finding("open files", in: findings)?.remedy == "ulimit -n 4096 before the start, on every host")
    #expect(finding("locked memory", in: findings)?.found.hasPrefix("64 KiB") == true)
  }

  @Test func aSlowWireIsWorthKnowing() {
    let slow = WireSpeed(
      barrier: 0.01,
      lines: [
        .init(name: "all-reduce", bytes: 16 << 20, seconds: 2, sent: 16e6), .init(name: "x", bytes: 1 << 20, seconds: 2, sent: 1),
      ])
    let findings = Doctor.wireFindings(slow, facts(hosts: ["a", "b"]))
    #expect(findings.map(\.verdict) == [.notice, .notice, .fine])
    #expect(findings[1].name == "all-reduce 16 MiB" && findings[1].found == "2000.0 ms, 0.01 GB/s out of a rank")
    #expect(findings[1].remedy?.contains("faster network") == true)
    #expect(Doctor.wireFindings(slow, facts())[1].remedy?.contains("network") == false)
  }
}
