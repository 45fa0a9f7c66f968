import Evaluation
import Host
import Model
import Training

extension StepEstimate {
  /// Seconds in which a rank, beside the others, ranks the held-out items of so many users among all items.
  ///
  /// docs/scaling.md. Every rank fuses its share of the catalogue and takes in the rest, encodes its share of the users, and forms the
  /// product of each user with each item; a catalogue that is not held is fused and taken in once a round of users. All of it is counted
  /// as float32; where bfloat16 decides most of the ranks, it takes less.
  func evaluationSeconds(users: Int, budget: Double, on network: Network, _ constants: Constants) -> Double {
    let ranks = Double(size.ranks)
    let (items, width) = (Double(facts.items), Double(shape.fusion.width))
    let own = Double(users) / ranks
    let rounds = rounds(users: own, items: items, width: width, budget: budget)
    var cost = encoding(users: own)
    let fused = size.owned > 0 ? items / ranks / size.owned : 0
    cost.operations += rounds * fused * costs[.embed].operations + 2 * own * items * width
    cost.bytes += rounds * fused * costs[.embed].bytes
    let received = rounds * 4 * items * width
    let onHost = Double(min(network.ranksPerHost, size.ranks))
    let waiting = max(
      received * (1 - 1 / ranks) / constants.software,
      received * (1 - onHost / ranks) * onHost / (network.gigabits * 0.125e9))
    return cost.operations / constants.rate(.fp32) + cost.bytes / constants.moved + waiting
  }

  /// What a forward pass over users' histories takes, as long as those of a step.
  private func encoding(users: Double) -> StepCosts.Cost {
    guard size.users > 0 else { return .init() }
    // Of the last block the newest position alone, but for its keys and values: 2 of 12 d² each.
    let layers = Double(max(shape.layers, 1))
    let share = shape.userHead == nil ? (layers - 1 + 1 / 6) / layers : 1
    let times = users / size.users * share
    return .init(operations: times * costs[.encode].operations, bytes: times * costs[.encode].bytes)
  }

  /// How often the catalogue is walked through: once where it is held, else once for as many users as fit.
  private func rounds(users: Double, items: Double, width: Double, budget: Double) -> Double {
    guard 4 * items * width > budget else { return 1 }
    let block = Double(EvaluatedUsers.blockUsers)
    let blocks = max(1, (budget / 4 / (4 * block * width)).rounded(.down))
    return max(1, (users / block / blocks).rounded(.up))
  }

  /// Users that a blend is fitted on, of so many that are evaluated; 0 where no text is blended in.
  func blendedUsers(of evaluated: Int) -> Int {
    facts.textWidth > 0 ? BlendFit.fitted(of: evaluated, items: facts.items) : 0
  }

  /// Seconds in which a blend is fitted after the phase: two walks through the catalogue, and every blend of the grid for each pair.
  func blendSeconds(evaluated: Int, budget: Double, on network: Network, _ constants: Constants) -> Double {
    let users = blendedUsers(of: evaluated)
    guard users > 0 else { return 0 }
    let pairs = Double(users) * Double(facts.trained) / Double(size.ranks)
    return pairs / (constants.blended * constants.peak) + 2
      * evaluationSeconds(users: users, budget: budget, on: network, constants)
  }
}
