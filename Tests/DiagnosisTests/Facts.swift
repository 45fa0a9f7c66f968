@testable import Diagnosis
@testable import Host

/// Ranks of made-up hosts on which everything is fine: four cores and two ranks on each.
func fineFacts(hosts: [String] = ["a"], backend: String = "Open MPI 4.1.4") -> [RankFacts] {
  hosts.enumerated().flatMap { index, host in
    (0..<2).map { local in
      RankFacts(
        rank: 2 * index + local, host: host, process: 100 + local, backend: backend, library: backend, threadLevel: "funneled",
        cores: [0, 1, 2, 3], instructionSet: "avx2", memory: 8 << 30, sharedMemory: 1 << 30,
        hugePages: "always", openFiles: 4096, lockedMemory: .max, programBytes: 1000,
        interfaces: [.init(name: "lo", address: "127.0.0.1"), .init(name: "eth0", address: "10.0.0.\(index + 1)")])
    }
  }
}

/// The one finding of a name.
func finding(_ name: String, in findings: [Finding]) -> Finding? {
  let found = findings.filter { $0.name == name }
  return found.count == 1 ? found[0] : nil
}
