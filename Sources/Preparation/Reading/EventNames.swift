import Datasets

/// The names that events are numbered by, but for their users: items, scenes and behaviors.
struct EventNames {
  let items: IdentifierTable
  let scenes: NameTable
  let behaviors: NameTable

  /// Starts without a name.
  init() {
    (items, scenes, behaviors) = (IdentifierTable(), NameTable("scene"), NameTable("behavior"))
  }

  init(items: IdentifierTable, scenes: NameTable, behaviors: NameTable) {
    (self.items, self.scenes, self.behaviors) = (items, scenes, behaviors)
  }

  /// A hash of what an event is but for its user and time: of its item's id, its scene and its behavior, not of their numbers.
  func hash(_ event: EventRecord) -> UInt64 {
    let index = VirtualShards.finalize(scenes.hash(Int(event.scene)) &+ 1) ^ behaviors.hash(Int(event.behavior))
    return VirtualShards.hash(items[Int(event.item)]) ^ VirtualShards.finalize(index)
  }
}
