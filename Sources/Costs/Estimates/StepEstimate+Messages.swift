import Collectives
import Config
import Training

extension StepEstimate {
  /// How many messages a rank sends to other hosts in a step.
  ///
  ///     every rank to every rank   exchanges · (R − h)
  ///     by host                    exchanges · (H − 1), and R − h for each exchange whose parts are long: they go straight to their ranks
  ///
  /// Those inside a host cost a thirtieth of one between hosts (docs/benchmarks/ranks.md) and are left out.
  package func messages(on network: Network) -> Double {
    let (ranks, onHost) = (size.ranks, min(network.ranksPerHost, size.ranks))
    guard onHost < ranks else { return 0 }
    let others = Double(ranks - onHost)
    guard sendsByHost(on: network) else { return Double(exchanges.reduce(0) { $0 + $1.count }) * others }
    let hosts = Double((ranks + onHost - 1) / onHost - 1)
    return exchanges.reduce(0) { sum, exchange in
      let isLong = exchange.part > Double(HostwiseCommunicator.longestRelayed)
      return sum + Double(exchange.count) * (hosts + (isLong ? others : 0))
    }
  }

  /// Whether ranks send by host there.
  package func sendsByHost(on network: Network) -> Bool {
    let onHost = min(network.ranksPerHost, size.ranks)
    let hosts = (size.ranks + onHost - 1) / onHost
    return HostwiseCommunicator.isBetter(
      saving: size.ranks - onHost - (hosts - 1), hosts: hosts, isWanted: byHost == .auto ? nil : byHost == .always)
  }

  /// The exchanges of a step: how many of a kind, and the bytes of a part where parts differ from rank to rank; 0 where all get the same.
  private var exchanges: [(count: Int, part: Double)] {
    let others = Double(max(size.ranks - 1, 1))
    let buckets = BucketedAllReduce.pieces(of: parameters, ranks: size.ranks).count
    let sums = Double(8 * traffic.sums) <= Double(Shares.fewBytes) ? 1 : 2
    // Sizes and draws, how many rows are wanted, and the sums.
    var exchanges = [(2 + sums, 0.0)]
    exchanges.append((1, traffic.bytes(of: .rowNumbers) / others - 8))
    exchanges.append((1, traffic.bytes(of: .embeddings) / others))
    exchanges.append((1, traffic.bytes(of: .embeddingGradients) / others))
    // Two ranks send each other whole buckets; more get their shares, then hand out the sums.
    if size.ranks > 2 { exchanges.append((buckets, 0)) }
    exchanges.append((buckets, traffic.bytes(of: .denseGradients) / others / Double(buckets) / (size.ranks > 2 ? 2 : 1)))
    // Users and targets for all, and the users' gradients back.
    if traffic.ranksUsers { exchanges += [(2, 0), (1, 4 * Double(traffic.width) * traffic.users)] }
    return exchanges
  }
}
