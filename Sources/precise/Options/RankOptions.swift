import ArgumentParser
import Collectives
import Config
import Diagnosis
import Foundation
import Reporting
import Tensors

/// On how many ranks a command runs: shared by every command that many ranks can share.
struct RankOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Ranks in this process, a thread each: 1 to 1024.",
      discussion:
        "Default: the cores it may use, but no more than there is work for. Under mpirun or srun each process is one rank.",
      valueName: "n"))
  var ranks: Int?

  func validate() throws {
    guard let ranks, !(1...1024).contains(ranks) else { return }
    throw ValidationError("--ranks must be 1 to 1024, not \(ranks)")
  }

  /// Runs `body` on every rank: processes when a launcher started us, else threads.
  ///
  /// Only rank 0's console speaks. When a rank throws, its line is printed and every rank ends.
  ///
  /// - Parameters:
  ///   - most: how many ranks there is work for, where nobody has said how many there are to be.
  ///   - byHost: when ranks of a host send together what goes to another host.
  func run(
    atMost most: Int, byHost: ComputeConfig.ByHost = .auto, console: Console,
    _ body: @escaping @Sendable (any Communicator, Console) throws -> Void
  ) throws {
    let environment = ProcessInfo.processInfo.environment
    guard let launch = Launch.detect(environment) else {
      let count = ranks ?? max(1, min(ProcessInfo.processInfo.activeProcessorCount, most))
      return try RankThreads.run(ranks: count) { try body($0, Self.console(of: $0, console)) }
    }
    if ranks != nil {
      throw CommandFailure(
        PreciseExit.usage, "--ranks is for one process; here \(launch.launcher.rawValue) decides: leave it out")
    }
    var started: MPICommunicator?
    do {
      let communicator = try MPIWorld.start(launch)
      started = communicator
      let joined = try HostwiseCommunicator.join(communicator, isWanted: byHost == .auto ? nil : byHost == .always)
      try body(joined, Self.console(of: joined, console))
      try joined.settle()
      try MPIWorld.stop()
    } catch {
      // What is under way stays where it is until the process has ended.
      withExtendedLifetime(started) {
        let failure = started.map { $0.size > 1 ? RankFailure.of(error, on: $0) : error } ?? error
        let code = PreciseExit.report(failure).rawValue
        // The sentence travels through the launcher, which drops what it has not passed on yet once it ends the job.
        if started.map({ $0.size > 1 }) ?? false { usleep(500_000) }
        MPIWorld.abort(code)
      }
    }
  }

  /// Whether a launcher started this process as one of several, or as one.
  static var isLaunched: Bool { Launch.detect(ProcessInfo.processInfo.environment) != nil }

  /// Says what the ranks are, and what is wrong with them; collective.
  static func introduce(_ communicator: any Communicator, _ console: Console) throws {
    let environment = ProcessInfo.processInfo.environment
    let promise = Doctor.Promise(launch: Launch.detect(environment), environment: environment)
    let problems = try Doctor.startupProblems(communicator, promise)
    let ranks = communicator.size == 1 ? "1 rank" : "\(communicator.size) ranks"
    console.note("\(ranks) (\(communicator.backend)), \(Engine.instructionSet)")
    for problem in problems { console.note("warning: \(problem)") }
  }

  private static func console(of communicator: any Communicator, _ console: Console) -> Console {
    communicator.rank == 0 ? console : Console(verbosity: .quiet, isTerminal: false, output: { _ in }, error: { _ in })
  }
}
