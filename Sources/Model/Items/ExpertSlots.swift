import Tensors

/// The routed slots (item, choice) of a step, grouped by expert so that each expert is one matrix product.
///
/// Slot number = item · k + choice. Within a group slots ascend, so sums have one order.
struct ExpertSlots {
  private let grouped, itemOf, indexOf: UnsafeMutablePointer<Int32>
  private let bounds, next: UnsafeMutablePointer<Int>
  private let capacity, experts: Int

  /// Takes room for `capacity` slots from the workspace.
  init(capacity: Int, experts: Int, workspace: Workspace) {
    grouped = workspace.take(Int32.self, capacity)
    itemOf = workspace.take(Int32.self, capacity)
    indexOf = workspace.take(Int32.self, capacity)
    bounds = workspace.take(Int.self, experts + 1)
    next = workspace.take(Int.self, experts)
    self.capacity = capacity
    self.experts = experts
  }

  /// The number of grouped slots, J.
  var count: Int { bounds[experts] }
  /// The slots, group after group.
  var slots: RowList { RowList(start: grouped, count: count) }
  /// The item of each grouped slot.
  var items: RowList { RowList(start: itemOf, count: count) }

  /// Where an expert's group stands.
  func range(of expert: Int) -> Range<Int> { bounds[expert]..<bounds[expert + 1] }

  /// Where an item's slots stand among the groups.
  func indices(of item: Int, perItem active: Int) -> RowList { RowList(start: indexOf + item * active, count: active) }

  /// Groups the slots of the items that take part (a counting sort).
  func group(chosen: UnsafePointer<Int32>, perItem active: Int, takesPart: (Int) -> Bool) {
    for expert in 0...experts { bounds[expert] = 0 }
    let items = capacity / active
    for item in 0..<items where takesPart(item) {
      for slot in (item * active)..<((item + 1) * active) { bounds[Int(chosen[slot]) + 1] += 1 }
    }
    for expert in 0..<experts {
      next[expert] = bounds[expert]
      bounds[expert + 1] += bounds[expert]
    }
    for item in 0..<items where takesPart(item) {
      for slot in (item * active)..<((item + 1) * active) {
        let expert = Int(chosen[slot])
        let index = next[expert]
        grouped[index] = Int32(slot)
        itemOf[index] = Int32(item)
        indexOf[slot] = Int32(index)
        next[expert] += 1
      }
    }
  }
}
