/// How users are assigned to virtual shards: `hash(id bytes) mod count`, part of the data set's format.
///
/// The hash is FNV-1a (64 bits, offset 0xCBF29CE484222325, prime 0x100000001B3) over the id's UTF-8 bytes, then MurmurHash3's
/// 64-bit finalizer, because FNV alone leaves the low bits of short ids uneven. Ours; any program can compute it again.
package enum VirtualShards {
  /// The most shards a data set may have.
  package static let maximumCount = 4_096

  /// The shard, in `0..<count`, of the user with these id bytes.
  package static func shard(ofUser id: UnsafeRawBufferPointer, of count: Int) -> Int {
    precondition(count > 0, "a data set needs at least one virtual shard, not \(count)")
    return Int(hash(id) % UInt64(count))
  }

  /// The shard, in `0..<count`, of the user with this id.
  package static func shard(ofUser id: String, of count: Int) -> Int {
    var id = id
    return id.withUTF8 { shard(ofUser: UnsafeRawBufferPointer($0), of: count) }
  }

  /// The 64-bit hash of an id's bytes; of an item's id, its key in checkpoints.
  package static func hash(_ id: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in id { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return finalize(hash)
  }

  /// MurmurHash3's 64-bit finalizer: every input bit reaches every output bit.
  package static func finalize(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ (value >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    value = (value ^ (value >> 33)) &* 0xC4CE_B9FE_1A85_EC53
    return value ^ (value >> 33)
  }
}
