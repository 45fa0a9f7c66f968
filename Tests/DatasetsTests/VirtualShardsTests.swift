import Datasets
import Testing

/// Expected values from a few lines of Python over the published constants of FNV-1a and MurmurHash3's finalizer.
@Suite struct VirtualShardsTests {
  @Test(
    arguments: [
      ("", 0xEFD0_1F60_BA99_2926, 38, 1), ("a", 0x82A2_A958_A9BE_CE5B, 27, 1), ("user-1", 0x41A2_FCA5_C684_01C5, 5, 2),
      ("A00414041RD0BXM6WK0GX", 0xD3FC_F104_33B5_2156, 22, 6), ("é", 0x9D55_CCB9_BA86_763B, 59, 4),
    ] as [(String, UInt64, Int, Int)])
  func hashIsFixedForEver(id: String, hash: UInt64, of64: Int, of7: Int) {
    #expect(Array(id.utf8).withUnsafeBytes { VirtualShards.hash($0) } == hash)
    #expect(VirtualShards.shard(ofUser: id, of: 64) == of64)
    #expect(VirtualShards.shard(ofUser: id, of: 7) == of7)
  }

  @Test func dealsNumberedIdsEvenly() {
    var counts = [Int](repeating: 0, count: 64)
    for user in 0..<64_000 { counts[VirtualShards.shard(ofUser: String(user), of: 64)] += 1 }
    // 1,000 expected with a standard deviation of 31: five of them either way.
    #expect(counts.allSatisfy { (845...1_155).contains($0) })
  }
}
