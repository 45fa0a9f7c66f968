import Tensors
import Testing

@testable import Datasets

struct HistoryTests {
  private let world: BatchWorld

  init() throws {
    world = try BatchWorld(users: 30, shards: 1, seed: 7)
  }

  @Test func readsTheNewestMatchingEventsOldestFirst() throws {
    let filter = EventFilter(scene: 1, behavior: nil)
    for user in world.everyUser {
      let events = world.events(user)
      for event in 0...events.count {
        let batch = SequenceBatch()
        History(filter: filter, length: 2).append(events, before: event, slot: 9, to: batch)
        let matching = (0..<event).filter { events.scenes[$0] == 1 }
        let expected = (matching.isEmpty ? Array(0..<event) : matching).suffix(2)
        #expect(Array(batch.items.values) == expected.map { events.items[$0] })
        #expect(batch.users == 1 && batch.positions == expected.count)
      }
    }
  }

  @Test func theRequestIsTheEventsUnlessSomebodyAsksForAnotherTime() throws {
    let user = try #require(world.everyUser.first { world.events($0).count >= 6 })
    let events = world.events(user)
    let batch = SequenceBatch()
    let history = History(filter: .all, length: 3)
    history.append(events, before: 5, slot: 0, to: batch)
    history.append(events, before: events.count, slot: 1, to: batch)
    history.append(events, before: 5, requestTime: 77_000_001, slot: 2, to: batch)
    history.append(events, before: 5, requestTime: -1, slot: 3, to: batch)
    history.append(events, before: 0, slot: 4, to: batch)
    #expect(Array(batch.requestTimes.values) == [5, Int64(events.count - 1), 77, -1, 0])
    #expect(Array(batch.times.values.prefix(3)) == [2, 3, 4] && batch.times.count == batch.positions)
    batch.removeAll()
    #expect(batch.times.count == 0 && batch.requestTimes.count == 0)
  }

  @Test func keysCountBackFromTheNewestEvent() throws {
    let user = try #require(world.everyUser.first { world.events($0).count >= 6 })
    let (short, long) = (SequenceBatch(), SequenceBatch())
    History(filter: .all, length: 2).append(world.events(user), before: 6, slot: 3, to: short)
    History(filter: .all, length: 5).append(world.events(user), before: 6, slot: 3, to: long)
    #expect(Array(short.rowKeys.values) == [3 << 16 | 1, 3 << 16])
    #expect(long.rowKeys.values.suffix(2).elementsEqual(short.rowKeys.values))
  }

  @Test func filtersMatchSceneAndBehaviorTogether() throws {
    var seen: Set<[Bool]> = []
    for user in world.everyUser {
      let events = world.events(user)
      for event in 0..<events.count {
        let (isScene, isBehavior) = (events.scenes[event] == 2, events.behaviors[event] == 1)
        seen.insert([isScene, isBehavior])
        #expect(EventFilter.all.matches(events, event))
        #expect(EventFilter(scene: 2, behavior: nil).matches(events, event) == isScene)
        #expect(EventFilter(scene: nil, behavior: 1).matches(events, event) == isBehavior)
        #expect(EventFilter(scene: 2, behavior: 1).matches(events, event) == (isScene && isBehavior))
      }
    }
    #expect(seen.count == 4)
  }
}
