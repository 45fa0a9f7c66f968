import ArgumentParser
import Collectives
import Diagnosis
import Files
import Foundation
import Reporting
import Synchronization

/// `precise doctor`: whether ranks, hosts and the wire between them are fit for a job.
struct DoctorCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Examines ranks, hosts and the wire between them.",
    discussion: """
      Examples:
        precise doctor
        mpirun -n 4 precise doctor --expect-ranks 4

      Start it the way the training will be started. Every line says what was found, and below it what to do about it. Ends \
      with 0 when nothing is wrong, else with 65.
      """)

  @Option(help: ArgumentHelp("How many ranks there are to be; another number is wrong.", valueName: "n"))
  var expectRanks: Int?
  @Option(
    help: ArgumentHelp(
      "Ranks in this process when no launcher started it.", discussion: "Default: the cores it may use.", valueName: "n"))
  var ranks: Int?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    for (name, value, most) in [("--expect-ranks", expectRanks, 1_000_000), ("--ranks", ranks, 1024)] {
      guard let value, !(1...most).contains(value) else { continue }
      throw ValidationError("\(name) must be 1 to \(most), not \(value)")
    }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      let environment = ProcessInfo.processInfo.environment
      let promise = Doctor.Promise(launch: Launch.detect(environment), ranks: expectRanks, environment: environment)
      if ranks != nil, let launch = promise.launch {
        throw CommandFailure(
          PreciseExit.usage, "--ranks is for one process; here \(launch.launcher.rawValue) decides: leave it out")
      }
      let (findings, rank) = try promise.launch.map { try examine($0, promise) } ?? (try examineThreads(promise), 0)
      if rank == 0 { json ? printJSON(findings, console) : printTable(findings, console) }
      guard findings.contains(where: { $0.verdict == .wrong }) else { return }
      // Ranks that found another world than was promised may wait for each other.
      if MPIWorld.isRunning { MPIWorld.abort(PreciseExit.badInput.rawValue) }
      throw CommandFailure(PreciseExit.badInput, "")
    }
  }

  /// As one process of several; the findings, and which of them this one is.
  private func examine(_ launch: Launch, _ promise: Doctor.Promise) throws -> ([Finding], Int) {
    do {
      let communicator = try MPIWorld.start(launch)
      // The start may have set what a container needs.
      var promise = promise
      promise.environment = ProcessInfo.processInfo.environment
      let findings = try Doctor.examine(communicator, promise)
      let rank = communicator.rank
      try MPIWorld.stop(communicator)
      return (findings, rank)
    } catch let error as LaunchError {
      return (try Doctor.examine(refused: error, promise), launch.rank ?? 0)
    } catch {
      // The others wait for this rank.
      MPIWorld.abort(PreciseExit.report(error).rawValue)
    }
  }

  /// With ranks that are threads of this process.
  private func examineThreads(_ promise: Doctor.Promise) throws -> [Finding] {
    let findings = Mutex<[Finding]>([])
    try RankThreads.run(ranks: ranks ?? ProcessInfo.processInfo.activeProcessorCount) { communicator in
      let found = try Doctor.examine(communicator, promise)
      if communicator.rank == 0 { findings.withLock { $0 = found } }
    }
    return findings.withLock { $0 }
  }

  private func printTable(_ findings: [Finding], _ console: Console) {
    var table = TextTable([("verdict", .left), ("what", .left), ("found", .left)])
    for finding in findings { table.append([finding.verdict.rawValue, finding.name, finding.found]) }
    let lines = table.lines
    console.result(lines[0])
    for (finding, line) in zip(findings, lines.dropFirst()) {
      console.result(line)
      if let remedy = finding.remedy { console.result("    -> \(printable(remedy))") }
    }
  }

  private func printJSON(_ findings: [Finding], _ console: Console) {
    let list = findings.map { finding in
      JSONValue.object([
        .init("what", .string(finding.name)), .init("found", .string(finding.found)),
        .init("verdict", .string(finding.verdict.rawValue)), .init("remedy", finding.remedy.map { .string($0) } ?? .null),
      ])
    }
    let isFit = !findings.contains { $0.verdict == .wrong }
    console.result(JSONValue.object([.init("fit", .bool(isFit)), .init("findings", .array(list))]).indented)
  }
}
