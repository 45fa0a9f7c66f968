import Testing

@testable import Preparation

struct ProbingTests {
  /// From where the hash points on, over the end, to the first slot that the entry is in or would be.
  @Test func slotsAreLookedThroughInOrder() {
    let probing = Probing(slots: 8)
    var slots = [Int?](repeating: nil, count: probing.count)
    // Three entries that point to the last slot but one, one that points between them; hashes of any size and sign.
    for (entry, hash) in [(1, 6), (2, 14), (3, -2), (4, 7)] {
      slots[probing.slot(from: hash) { slots[$0] == nil || slots[$0] == entry }] = entry
    }
    #expect(slots == [3, 4, nil, nil, nil, nil, 1, 2])
    #expect(probing.slot(from: 6) { slots[$0] == nil || slots[$0] == 3 } == 0)
  }

  @Test func halfOfTheSlotsStayFree() {
    let probing = Probing(slots: 8)
    #expect(!probing.isFull(3) && probing.isFull(4) && !probing.doubled.isFull(4) && probing.doubled.count == 16)
  }
}
