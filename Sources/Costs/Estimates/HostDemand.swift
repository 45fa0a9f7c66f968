package import Config
import Files
package import Host
import Reporting

/// What the ranks of one host take of its memory together, and what to say when it has less.
///
/// The system gives out memory that it does not have and ends the process that touches it: so the sum is made before anything starts.
package struct HostDemand: Sendable {
  /// The most bytes that all phases and their evaluations are expected to take.
  package let expected: Double
  /// The same without what may never be touched: mapped files, and optimizers' numbers of rows that no step has seen.
  package let certain: Double
  /// What an address space holds for certain: all ranks' when they are threads of one process, else one rank's.
  let ofProcess: Double

  private let config: RunConfig
  private let ranks: Double
  /// The certain bytes of the host by the key that makes them less, largest first, in the phase that takes the most.
  private let shares: [(key: String, bytes: Double)]

  /// Adds up what the phases of a configuration take on a host.
  ///
  /// - Parameters:
  ///   - ranks: ranks on the host.
  ///   - areThreads: whether they are threads of one process.
  ///   - evaluates: whether the model is evaluated, too.
  package init(_ estimates: [StepEstimate], _ config: RunConfig, ranks: Int, areThreads: Bool, evaluates: Bool = true) {
    (self.config, self.ranks) = (config, Double(ranks))
    func lines(_ estimate: StepEstimate) -> [MemoryEstimate.Line] {
      estimate.memory.training + (evaluates ? estimate.memory.evaluation : [])
    }
    func bytes(_ line: MemoryEstimate.Line) -> Double { line.bytes * Double(areThreads && line.isShared ? 1 : ranks) }
    func sum(_ estimate: StepEstimate, _ counts: (MemoryEstimate.Line) -> Bool) -> Double {
      lines(estimate).filter(counts).reduce(0) { $0 + bytes($1) }
    }
    expected = estimates.map { sum($0) { _ in true } }.max() ?? 0
    let largest = estimates.max { sum($0, \.isCertain) < sum($1, \.isCertain) }
    certain = largest.map { sum($0, \.isCertain) } ?? 0
    ofProcess = certain / Double(areThreads ? 1 : ranks)
    var keyed: [String: Double] = [:]
    for line in largest.map(lines) ?? [] where line.isCertain {
      if let key = line.key { keyed[key, default: 0] += bytes(line) }
    }
    shares = keyed.map { (key: $0.key, bytes: $0.value) }.sorted { ($1.bytes, $0.key) < ($0.bytes, $1.key) }
  }

  /// What is wrong when the host does not have what is taken for certain, by the key that takes the most; nil when it has.
  package func problem(on host: HostMemory) -> ConfigProblem? {
    guard host.total > 0, certain > Double(host.total), let largest = shares.first else { return nil }
    let others = shares.dropFirst().prefix(2).map(\.key).joined(separator: " and ")
    let value = config.flat.first { $0.key == largest.key }?.value ?? ""
    return ConfigProblem(
      keyPath: largest.key, value: value,
      rule: "takes \(Self.text(largest.bytes)) of the \(Self.text(certain)) that the run needs, and \(host.holder) has "
        + Self.text(Double(host.total)),
      suggestion: suggestion(largest, host) + (others.isEmpty ? "" : "; after it \(others) take the most"))
  }

  /// What may go wrong: less is free than is expected to be taken, or the address space is limited to less.
  package func warnings(on host: HostMemory) -> [String] {
    var warnings: [String] = []
    if host.free > 0, expected > Double(host.free) {
      warnings.append(
        "the run is expected to take \(Self.text(expected)), and only \(Self.text(Double(host.free))) of \(host.holder) are free: "
          + "the system may end it")
    }
    if let limit = host.addressSpace, ofProcess > Double(limit) {
      warnings.append(
        "a process of the run is expected to take \(Self.text(ofProcess)), and its address space is limited to "
          + "\(Self.text(Double(limit))) (ulimit -v)")
    }
    return warnings
  }

  /// What to change so that the expected bytes are so many at most: the key of what takes the most, and a value of it where one is known.
  func remedy(within bytes: Double) -> (key: String, value: String?)? {
    shares.first.map { ($0.key, value(of: $0, within: bytes, of: expected)) }
  }

  private func suggestion(_ share: (key: String, bytes: Double), _ host: HostMemory) -> String {
    if let value = value(of: share, within: Double(host.total), of: certain) {
      return "try \(value)" + (share.key == "compute.token_storage" ? ", or more hosts" : "")
    }
    let isText = share.key == "compute.token_storage"
    return isText ? "encode with fewer tokens or a lower --dim, or use more hosts" : "lower it, or use more hosts"
  }

  /// A value of a share's key by which all together would be below a bound; nil where none is known.
  private func value(of share: (key: String, bytes: Double), within bytes: Double, of sum: Double) -> String? {
    // A tenth stays free.
    let room = 0.9 * (bytes - sum + share.bytes)
    switch share.key {
    case "batch.users":
      let users = Int(max(0, Double(config.batch.users) * room / share.bytes)) / 64 * 64
      return users >= 64 ? "\(users)" : nil
    case "evaluation.catalogue_mib":
      // Streamed, a rank holds a quarter of it. Less than the whole must be asked for.
      let mebibytes = min(4 * room / ranks, share.bytes / ranks - 1_048_576) / 1_048_576
      return room > 0 ? "\(Int(max(0, mebibytes)))" : nil
    case "model.length":
      let length = Int(max(0, Double(config.model.length) * room / share.bytes)) / 8 * 8
      return length >= 8 ? "\(length)" : nil
    case "compute.token_storage": return config.compute.tokenStorage == .fp32 ? "bf16" : nil
    case "universal.log_q": return config.universal.logQ ? "false" : nil
    default: return nil
    }
  }

  private static func text(_ bytes: Double) -> String { HumanFormat.bytes(Int(bytes.rounded())) }
}
