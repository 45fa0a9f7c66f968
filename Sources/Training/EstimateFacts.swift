import Batches
public import Config
public import Datasets
import Files
import Similarity
public import Text

/// What an estimate must know of the items and of a phase's steps: from a data set, or made up.
public struct EstimateFacts: Sendable {
  /// Items of the catalogue, V.
  public var items = 0
  /// Items with training events, V': what negatives are drawn from.
  public var trained = 0
  /// Token states of all items together.
  public var tokens = 0
  /// The most token states of an item, m.
  public var mostTokens = 0
  /// Width of a token state, dt; 0 = the model reads no text.
  public var tokenWidth = 0
  /// Numbers that a blend adds to an embedding, with codes; 0 = scores are not blended with text.
  public var textWidth = 0
  /// Scenes and behaviours.
  public var categories = (scenes: 1, behaviors: 1)
  /// Bytes of the users' and of the items' files, which are mapped, not read into memory.
  public var mapped = (users: 0, items: 0)
  /// Users of a step, B.
  public var users = 0
  /// Packed positions of a step, T.
  public var positions = 0
  /// Events of a step whose items are needed: positions and targets that are no positions, E.
  public var events = 0
  /// How likely an item is to be an event's, of those with training events.
  public var popularity: ItemPopularity

  /// The users of a step that are looked at (ours: their lists are some megabytes).
  private static let mostUsers = 16_384

  /// The made-up catalogue of `precise bench`: Zipf's law, every sequence full.
  public init(_ config: RunConfig) {
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
  public init(
    _ config: RunConfig, _ plan: PhasePlan, _ dataset: Dataset, _ record: EncodingRecord?, shards: Range<Int>? = nil
  ) throws {
    let shards = shards.flatMap { $0.isEmpty ? nil : $0 } ?? 0..<dataset.shardCount
    items = dataset.items.count
    if config.model.semanticDim > 0, let record {
      (tokens, mostTokens, tokenWidth) = (record.rows, record.tokens, record.dimension)
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
