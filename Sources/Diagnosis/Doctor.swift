package import Collectives

/// Looks at ranks, hosts and the wire between them before a long run does: what `precise doctor` prints.
///
/// Every rank gets every rank's facts, so all come to the same verdict; only measured times differ. docs/distributed.md, "Ranks".
package enum Doctor {
  /// What was promised about the ranks.
  package struct Promise: Sendable {
    /// What started this process; nil when nothing did.
    package var launch: Launch?
    /// How many ranks there are to be, as the user says; nil when they do not.
    package var ranks: Int?
    /// This process's environment.
    package var environment: [String: String]

    /// States a promise.
    package init(launch: Launch?, ranks: Int? = nil, environment: [String: String]) {
      (self.launch, self.ranks, self.environment) = (launch, ranks, environment)
    }
  }

  /// Everything there is to say; collective.
  package static func examine(_ communicator: any Communicator, _ promise: Promise) throws -> [Finding] {
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
  package static func examine(refused error: LaunchError, _ promise: Promise) throws -> [Finding] {
    var alone = promise
    (alone.launch, alone.ranks) = (nil, nil)
    let rest = try examine(SoloCommunicator(), alone).filter { $0.name != "ranks" }
    return [Finding("launch", error.happening, .wrong, remedy: error.remedy)] + rest
  }

  /// The quick part that a training run begins with: a line for each thing that is not fine; collective.
  ///
  /// Ranks against the promise, hosts and builds against each other, ranks against cores.
  package static func startupProblems(_ communicator: any Communicator, _ promise: Promise) throws -> [String] {
    let facts = try facts(communicator, promise)
    return (worldFindings(facts, promise) + coreFindings(facts)).filter { $0.verdict != .fine }.map { finding in
      "\(finding.name): \(finding.found)\(finding.remedy.map { "; \($0)" } ?? "")"
    }
  }

  private static func facts(_ communicator: any Communicator, _ promise: Promise) throws -> [RankFacts] {
    let own = RankFacts.own(communicator, environment: promise.environment)
    return try RankFacts.gather(own, communicator)
  }

  /// Ranks that may not read the memory of the next rank on their host; collective.
  private static func refusedReaders(_ communicator: any Communicator, _ facts: [RankFacts]) throws -> [Int] {
    let own = facts[communicator.rank]
    let neighbors = facts.filter { $0.host == own.host && $0.process != own.process }
    let next = neighbors.first { $0.rank > own.rank } ?? neighbors.first
    let isRefused = next.map { !MPIWorld.canRead(process: $0.process, address: $0.byteAddress) } ?? false
    return try communicator.gatherCounts(isRefused ? 1 : 0).enumerated().filter { $0.element == 1 }.map(\.offset)
  }
}

/// One thing that `precise doctor` looked at.
package struct Finding: Equatable, Sendable {
  /// How it is.
  package enum Verdict: String, Sendable {
    /// As it should be.
    case fine
    /// It works, but something is slower than it need be, or not what it seems.
    case notice = "worth knowing"
    /// A job would be wrong, would hang, or would waste most of the machine.
    case wrong
  }

  /// What was looked at.
  package let name: String
  /// What was found.
  package let found: String
  /// How that is.
  package let verdict: Verdict
  /// What to do about it; nil when it is fine.
  package let remedy: String?

  /// A finding that is fine.
  init(_ name: String, _ found: String) {
    self.init(name, found, .fine, remedy: nil)
  }

  /// Any finding.
  init(_ name: String, _ found: String, _ verdict: Verdict, remedy: String?) {
    (self.name, self.found, self.verdict, self.remedy) = (name, found, verdict, remedy)
  }
}
