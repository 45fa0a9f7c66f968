import Config
import Datasets
import Evaluation
import Files
import Foundation
import Model
import Runs
import Texts

/// What an estimate must know of the items and of a phase's steps: from a data set, or made up.
package struct EstimateFacts: Sendable {
  /// Items of the catalogue, V.
  package var items = 0
  /// Items with training events, V': what negatives are drawn from.
  package var trained = 0
  /// Token states of all items together.
  package var tokens = 0
  /// The most token states of an item, m.
  var mostTokens = 0
  /// Width of a token state, dt; 0 = the model reads no text.
  package var tokenWidth = 0
  /// Numbers that a blend adds to an embedding, with codes; 0 = scores are not blended with text.
  var textWidth = 0
  /// Scenes and behaviors.
  package var categories = (scenes: 1, behaviors: 1)
  /// Bytes of the users' and of the items' files, which are mapped, not read into memory.
  var mapped = (users: 0, items: 0)
  /// Users that take part; nil of a made-up catalogue.
  package var participants: Int?
  /// Steps of an epoch; nil of a made-up catalogue.
  package var stepsPerEpoch: Int?
  /// Users of a step, B.
  package var users = 0
  /// Packed positions of a step, T.
  package var positions = 0
  /// Events of a step whose items are needed: positions and targets that are no positions, E.
  package var events = 0
  /// How likely an item is to be an event's, of those with training events.
  package var popularity: ItemPopularity

  /// The users of a step that are looked at (ours: their lists are some megabytes).
  private static let mostUsers = 16_384

  /// The made-up catalogue of `precise bench`: Zipf's law, every sequence full.
  init(_ config: RunConfig) {
    let bench = config.bench ?? BenchConfig()
    (items, trained) = (bench.items, bench.items)
    if config.model.semanticDim > 0 {
      (tokens, mostTokens, tokenWidth) = (bench.items * bench.tokens, bench.tokens, bench.tokenDim)
    }
    users = config.batch.users
    positions = users * config.model.length
    events = positions + users
    popularity = ItemPopularity(zipf: bench.drawnItems ?? bench.items, of: bench.items)
  }

  /// A phase of a data set: the first step's positions, and the items' chances by what an epoch shows.
  ///
  /// Throws `InputError` on a damaged shard.
  ///
  /// - Parameter shards: the virtual shards that are looked at, for all; nil = all.
  init(
    _ config: RunConfig, _ plan: PhasePlan, _ dataset: Dataset, _ record: EncodingRecord?, shards: Range<Int>? = nil
  ) throws {
    let shards = shards.flatMap { $0.isEmpty ? nil : $0 } ?? 0..<dataset.shardCount
    items = dataset.items.count
    if config.model.semanticDim > 0, let record {
      (tokens, mostTokens, tokenWidth) = (record.rows, record.tokens, record.width)
    }
    textWidth = try ModelFactory.textVectors(config, dataset).map { $0.width + ItemCode.width } ?? 0
    categories = (dataset.scenes.count, dataset.behaviors.count)
    let bytes = dataset.manifest.files.map(\.bytes)
    mapped = (bytes.dropFirst().reduce(0, +), bytes.first ?? 0)
    // A batch that no memory holds is estimated too: from a part of it.
    var part = config
    part.batch.users = min(config.batch.users, Self.mostUsers)
    let source = try plan.batches(dataset, part, shards: shards) { own in
      // Of a shard that is not looked at as many take part as of all that are.
      let listed = dataset.manifest.shards.map(\.users)
      let share = Double(own.reduce(0, +)) / Double(max(listed[shards].reduce(0, +), 1))
      return listed.indices.map { shards.contains($0) ? own[$0 - shards.lowerBound] : Int(share * Double(listed[$0])) }
    }
    let batch = SequenceBatch()
    source.fill(batch, step: 0)
    (users, positions) = (batch.users, batch.positions)
    participants = source.order.users
    stepsPerEpoch = source.order.stepsPerEpoch(batch: config.batch.users, fewest: plan.fewestUsers)
    if shards.count < dataset.shardCount || part.batch.users < config.batch.users {
      users = source.order.largest(batch: config.batch.users, fewest: plan.fewestUsers)
      positions = Int((Double(batch.positions) * Double(users) / Double(max(batch.users, 1))).rounded())
    }
    // One event a user is nothing but a target.
    events = positions + users
    var counts = [Double](repeating: 0, count: items)
    counts.withUnsafeMutableBufferPointer { source.countEvents(into: $0) }
    let trainCounts = dataset.items.trainCounts
    let shown = counts.indices.filter { trainCounts[$0] > 0 }.map { counts[$0] }
    (trained, popularity) = (shown.count, ItemPopularity(counts: shown))
  }
}

/// How likely each item is to be drawn, as groups of items of one chance; says how many distinct items some draws are expected to show.
///
/// What `precise check` counts with in place of the draws themselves.
package struct ItemPopularity: Sendable {
  /// Items that share a chance.
  private struct Group {
    var items: Double
    var chance: Double
  }

  /// V', the number of items.
  package let items: Int
  private let groups: [Group]

  /// The law of `precise bench`: the chance of the item of rank r, from 0, is as 1 / (r + 10), of `drawn` of the items.
  ///
  /// Items beyond the first thousand come in runs whose chances differ by less than a part in 256: a hundred million of them would
  /// take seconds one by one.
  init(zipf drawn: Int, of items: Int) {
    self.items = items
    var groups: [Group] = []
    var start = 0
    while start < drawn {
      let end = min(drawn, start + max(1, start / 256))
      // The integral over the run, from half a rank before its first to half a rank behind its last.
      groups.append(Group(items: Double(end - start), chance: log((Double(end) + 9.5) / (Double(start) + 9.5))))
      start = end
    }
    let total = groups.reduce(0) { $0 + $1.chance }
    self.groups =
      groups.map { Group(items: $0.items, chance: $0.chance / total / $0.items) }
      + [Group(items: Double(items - drawn), chance: 0)]
  }

  /// The chances that a data set's counts give; nothing is drawn when all are zero.
  init(counts: some Collection<Double>) {
    items = counts.count
    var groups: [Double: Double] = [:]
    for count in counts { groups[count, default: 0] += 1 }
    let total = groups.reduce(0) { $0 + $1.key * $1.value }
    self.groups = groups.sorted { $0.key > $1.key }.map { Group(items: $0.value, chance: total > 0 ? $0.key / total : 0) }
  }

  /// Distinct items expected of `draws` by popularity and `uniform` draws from the whole catalogue.
  ///
  ///     Σ_i 1 − (1 − p_i)^draws · (1 − 1/V')^uniform
  package func distinct(draws: Double, uniform: Double = 0) -> Double {
    let uniformMiss = items > 1 ? uniform * log1p(-1 / Double(items)) : (uniform > 0 ? -.infinity : 0)
    return groups.reduce(0) { sum, group in
      let miss = group.chance < 1 ? draws * log1p(-group.chance) : (draws > 0 ? -.infinity : 0)
      return sum + group.items * -expm1(miss + uniformMiss)
    }
  }
}

extension ModelFactory {
  /// The extents of the model that an estimate is about.
  static func shape(_ config: RunConfig, _ facts: EstimateFacts, userHead: ModelShape.UserHeadKind?) -> ModelShape {
    shape(
      config, tokenWidth: facts.tokenWidth, tokens: facts.mostTokens, scenes: facts.categories.scenes,
      behaviors: facts.categories.behaviors, userHead: userHead)
  }
}
