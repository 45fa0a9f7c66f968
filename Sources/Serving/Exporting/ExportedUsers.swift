import Datasets

/// The users of an export, in fixed blocks: those of the data set shard by shard, or those of a file of events.
struct ExportedUsers {
  /// Users of a block: those of a virtual shard, or of the file.
  struct Block {
    fileprivate let shard: Int?
    let users: Range<Int>
  }

  private static let blockUsers = 256

  /// All of them.
  let count: Int
  /// The blocks, in the order of the files.
  let blocks: [Block]
  private let dataset: Dataset
  private let fresh: FreshEvents?
  /// Users of the file of whom an event is left.
  private let served: [Int]

  /// Takes the users of a file of events where there is one, else those of the data set.
  init(_ dataset: Dataset, fresh: FreshEvents?) {
    (self.dataset, self.fresh) = (dataset, fresh)
    func blocks(_ count: Int, of shard: Int?) -> [Block] {
      stride(from: 0, to: count, by: Self.blockUsers).map { Block(shard: shard, users: $0..<min($0 + Self.blockUsers, count)) }
    }
    served = fresh.map { fresh in fresh.users.indices.filter { fresh.events($0).count > 0 } } ?? []
    if fresh != nil {
      (count, self.blocks) = (served.count, blocks(served.count, of: nil))
    } else {
      count = dataset.manifest.users
      self.blocks = dataset.manifest.shards.enumerated().flatMap { blocks($1.users, of: $0) }
    }
  }

  /// The events of a block's users.
  func events(_ block: Block) throws -> [UserEvents] {
    guard let shard = try block.shard.map(dataset.shard) else {
      return block.users.compactMap { fresh?.events(served[$0]) }
    }
    return block.users.map { shard.events($0) }
  }

  /// The ids of a block's users.
  func ids(_ block: Block) throws -> [String] {
    guard let shard = try block.shard.map(dataset.shard) else {
      return block.users.compactMap { fresh?.users[served[$0]].id }
    }
    return block.users.map { shard.id($0) }
  }
}
