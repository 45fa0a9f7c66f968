public import Collectives

/// Looks at ranks, hosts and the wire between them before a long run does: what `precise doctor` prints.
///
/// Every rank gets every rank's facts, so all come to the same verdict; only measured times differ. docs/distributed.md, "Ranks".
public enum Doctor {
  /// What was promised about the ranks.
  public struct Promise: Sendable {
    /// What started this process; nil when nothing did.
    public var launch: Launch?
    /// How many ranks there are to be, as the user says; nil when they do not.
    public var ranks: Int?
    /// This process's environment.
    public var environment: [String: String]

    /// States a promise.
    public init(launch: Launch?, ranks: Int? = nil, environment: [String: String]) {
      (self.launch, self.ranks, self.environment) = (launch, ranks, environment)
    }
  }

  /// Everything there is to say; collective.
  public static func examine(_ communicator: any Communicator, _ promise: Promise) throws -> [Finding] {
    let facts = try facts(communicator, promise)
    var findings = worldFindings(facts, promise) + coreFindings(facts) + [settingFinding(facts)] + networkFindings(facts)
    let copies = facts[0].isProcess ? singleCopyFindings(facts, refused: try refusedReaders(communicator, facts)) : []
    findings += copies + machineFindings(facts)
    // Long messages may never come where single copy fails.
    if communicator.size > 1, copies.allSatisfy({ $0.verdict == .fine }) {
      findings += wireFindings(try WireSpeed.measure(communicator), facts)
    }
    return findings
  }

  /// What is said when a launcher's processes did not become one job: each examines itself alone.
  public static func examine(refused error: LaunchError, _ promise: Promise) throws -> [Finding] {
    var alone = promise
    (alone.launch, alone.ranks) = (nil, nil)
    let rest = try examine(SoloCommunicator(), alone).filter { $0.name != "ranks" }
    return [Finding("launch", error.happening, .wrong, mend: error.mend)] + rest
  }

  /// The quick part that a training run begins with: a line for each thing that is not fine; collective.
  ///
  /// Ranks against the promise, hosts and builds against each other, ranks against cores.
  public static func startupProblems(_ communicator: any Communicator, _ promise: Promise) throws -> [String] {
    let facts = try facts(communicator, promise)
    return (worldFindings(facts, promise) + coreFindings(facts)).filter { $0.verdict != .fine }.map { finding in
      "\(finding.name): \(finding.found)\(finding.mend.map { "; \($0)" } ?? "")"
    }
  }

  private static func facts(_ communicator: any Communicator, _ promise: Promise) throws -> [RankFacts] {
    let own = RankFacts.own(communicator, environment: promise.environment)
    return try RankFacts.gather(own, communicator)
  }

  /// Ranks that may not read the memory of the next rank on their host; collective.
  private static func refusedReaders(_ communicator: any Communicator, _ facts: [RankFacts]) throws -> [Int] {
    let own = facts[communicator.rank]
    let neighbours = facts.filter { $0.host == own.host && $0.process != own.process }
    let next = neighbours.first { $0.rank > own.rank } ?? neighbours.first
    let isRefused = next.map { !MPIWorld.canRead(process: $0.process, address: $0.byteAddress) } ?? false
    return try communicator.gatherCounts(isRefused ? 1 : 0).enumerated().filter { $0.element == 1 }.map(\.offset)
  }
}
