import Foundation
import Testing

/// `precise doctor` as its own process, with the environments that launchers give.
@Suite struct DoctorCommandTests {
  private struct Report: Decodable {
    struct Finding: Decodable {
      let what: String
      let found: String
      let verdict: String
      let remedy: String?
    }
    let fit: Bool
    let findings: [Finding]

    func found(_ what: String) -> String? { findings.first { $0.what == what }?.found }
  }

  private func report(_ result: CommandResult) throws -> Report {
    try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
  }

  @Test func aTableWithARemedyBelowEachLineThatIsNotFine() throws {
    let result = try CommandRunner.run("doctor", "--ranks", "1", "--expect-ranks", "1")
    #expect(result.code == 0 && result.errors.isEmpty)
    let lines = result.output.split(separator: "\n")
    #expect(lines[0].hasPrefix("verdict ") && lines[1].contains("ranks") && lines[1].hasSuffix("1, no launcher"))
    let withRemedy = lines.filter { $0.hasPrefix("worth knowing") || $0.hasPrefix("wrong") }.count
    #expect(lines.filter { $0.hasPrefix("    -> ") }.count == withRemedy)
  }

  @Test func ranksAreThreadsWithoutALauncher() throws {
    let report = try report(try CommandRunner.run("doctor", "--ranks", "2", "--json"))
    #expect(report.found("ranks") == "2, no launcher" && report.found("all-to-all 16 MiB")?.contains("GB/s") == true)
    #expect(["avx512_bf16", "avx512", "avx2", "sse2", "neon", "baseline"].contains(report.found("products") ?? ""))
    #expect(report.fit == !report.findings.contains { $0.verdict == "wrong" })
  }

  @Test func anotherNumberThanExpectedEndsWith65() throws {
    let result = try CommandRunner.run("doctor", "--ranks", "1", "--expect-ranks", "4", "--json")
    #expect(result.code == 65 && result.errors.isEmpty)
    let report = try report(result)
    #expect(!report.fit && report.findings[0].verdict == "wrong" && report.findings[0].remedy?.contains("mpirun -n 4") == true)
  }

  /// A Slurm step of tasks that cannot find each other: each would train a run of its own.
  @Test func tasksThatAreAloneEndWith65AndOneOfThemSpeaks() throws {
    let step = ["SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=3", "SLURM_NTASKS=3"]
    let first = try CommandRunner.run(["doctor", "--json"], setting: step + ["SLURM_PROCID=0"])
    let report = try report(first)
    #expect(first.code == 65 && report.found("launch")?.hasPrefix("srun started 3 processes") == true)
    let second = try CommandRunner.run(["doctor", "--json"], setting: step + ["SLURM_PROCID=1"])
    #expect(second.code == 65 && second.output.isEmpty && second.errors.isEmpty)
  }

  @Test func wrongUsage() throws {
    for arguments in [["--ranks", "0"], ["--expect-ranks", "many"], ["--ranks", "4000"]] {
      #expect(try CommandRunner.run(["doctor"] + arguments).code == 64)
    }
    let launched = try CommandRunner.run(["doctor", "--ranks", "2"], setting: ["PMI_SIZE=2", "PMI_RANK=0"])
    #expect(launched.code == 64 && launched.errors.contains("leave it out"))
  }
}
