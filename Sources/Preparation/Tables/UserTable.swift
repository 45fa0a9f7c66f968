import Datasets

/// User ids in the order of first appearance, with their virtual shards.
final class UserTable {
  let shardCount: Int
  private let ids: IdentifierTable
  private var shards: [UInt16] = []

  /// Starts without a user, and takes at most so many.
  init(shardCount: Int, most: Int = IdentifierTable.most) {
    self.shardCount = shardCount
    ids = IdentifierTable(most: most)
  }

  /// How many users there may be.
  var most: Int { ids.most }

  var count: Int { ids.count }

  subscript(user: Int) -> UnsafeRawBufferPointer { ids[user] }

  @inline(__always)
  func find(_ id: UnsafeRawBufferPointer) -> (index: Int?, hash: UInt64) { ids.find(id) }

  func insert(_ id: UnsafeRawBufferPointer, hash: UInt64) throws -> Int {
    let user = try ids.insert(id, hash: hash)
    shards.append(UInt16(VirtualShards.shard(ofUser: id, of: shardCount)))
    return user
  }

  /// The id's number, added when it is new.
  func intern(_ id: UnsafeRawBufferPointer) throws -> Int {
    let (index, hash) = find(id)
    return try index ?? insert(id, hash: hash)
  }

  func shard(_ user: Int) -> Int { Int(shards[user]) }

  /// A number by which users sort as the data set stores them: by shard, then by first appearance.
  ///
  /// It never changes for a user.
  func sortKey(_ user: UInt32) -> UInt64 { UInt64(shards[Int(user)]) << 32 | UInt64(user) }

  /// All users in the order of `sortKey` (a counting sort by shard).
  func inOrder() -> [UInt32] {
    var starts = [Int](repeating: 0, count: shardCount + 1)
    for shard in shards { starts[Int(shard) + 1] += 1 }
    for shard in 0..<shardCount { starts[shard + 1] += starts[shard] }
    var order = [UInt32](repeating: 0, count: count)
    for user in 0..<count {
      order[starts[Int(shards[user])]] = UInt32(user)
      starts[Int(shards[user])] += 1
    }
    return order
  }
}
