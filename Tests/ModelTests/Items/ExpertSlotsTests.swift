import Tensors
import TestSupport
import Testing

@testable import Model

@Suite struct ExpertSlotsTests {
  private let workspace = Workspace(chunkBytes: 1 << 14)

  /// Groups slots and holds the groups against a stable sort by expert.
  private func check(_ chosen: [Int], perItem active: Int, experts: Int, takesPart: [Bool]) {
    let slots = ExpertSlots(capacity: chosen.count, experts: experts, workspace: workspace)
    let list = RowList.kept(chosen)
    guard let base = list.baseAddress else { return }
    slots.group(chosen: base, perItem: active) { takesPart[$0] }
    let taken = chosen.indices.filter { takesPart[$0 / active] }
    #expect(slots.count == taken.count)
    for expert in 0..<experts {
      let expected = taken.filter { chosen[$0] == expert }
      #expect(slots.slots[slots.range(of: expert)].map(Int.init) == expected, "slots of expert \(expert) ascend")
      #expect(slots.items[slots.range(of: expert)].map(Int.init) == expected.map { $0 / active })
    }
    for item in takesPart.indices where takesPart[item] {
      let indices = slots.indices(of: item, perItem: active)
      #expect(indices.enumerated().allSatisfy { slots.slots[Int($1)] == Int32(item * active + $0) })
    }
  }

  @Test func groupsByExpert() {
    check([2, 0, 1, 2, 2, 1], perItem: 2, experts: 4, takesPart: [true, true, true])
    check([2, 0, 9, 9, 2, 1], perItem: 2, experts: 4, takesPart: [true, false, true])
    check([9, 9], perItem: 1, experts: 3, takesPart: [false, false])
    check([0, 0, 0], perItem: 1, experts: 1, takesPart: [true, true, true])
  }

  @Test func groupsManyAndAgain() {
    for seed in 1...5 as ClosedRange<UInt64> {
      let first = RandomValues.integers(300, below: 7, seed: seed)
      let chosen = first.flatMap { [$0, ($0 + 3) % 7] }
      check(chosen, perItem: 2, experts: 7, takesPart: first.map { $0 != 2 })
    }
  }
}
