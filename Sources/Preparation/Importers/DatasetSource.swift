import Datasets
import Files

/// The events of a data set as rows, shard by shard and user by user, in the order in which they are stored.
///
/// So a user's events come in time order and equal times in the order that was decided, and users and items keep theirs. A shard is
/// mapped while it is read and let go of then.
final class DatasetSource: RowSource {
  let path: String
  private(set) var lineNumber = 0
  private(set) var bytesRead = 0
  let timeUnit = TimeUnit.microseconds
  let namesScenes = true
  let isPrepared = true
  private let dataset: Dataset
  private let names = ByteBuffer()
  private let scenes: [Range<Int>]
  private let behaviors: [Range<Int>]
  private let shards: Range<Int>
  private var next: Int
  private var shard: UserShard?
  private var user = 0
  private var event = 0
  private let time = ByteBuffer()

  /// Reads some shards of a data set.
  init(_ dataset: Dataset, shards: Range<Int>) {
    self.dataset = dataset
    self.shards = shards
    next = shards.lowerBound
    path = dataset.path
    func index(_ list: [String], _ names: ByteBuffer) -> [Range<Int>] {
      list.map { name in
        let start = names.count
        for byte in name.utf8 { names.append(byte) }
        return start..<names.count
      }
    }
    scenes = index(dataset.scenes, names)
    behaviors = index(dataset.behaviors, names)
  }

  func fill(_ row: Row) throws -> RowOutcome {
    guard let shard = try shardWithEvents() else { return .end }
    let events = shard.events(user)
    lineNumber += 1
    time.removeAll()
    var digits = String(events.times[event])
    digits.withUTF8 { time.append(UnsafeRawBufferPointer($0)) }
    row[.user] = shard.idBytes(user)
    row[.item] = dataset.items.idBytes(Int(events.items[event]))
    row[.timestamp] = time[0..<time.count]
    row[.scene] = names[scenes[Int(events.scenes[event])]]
    row[.behavior] = names[behaviors[Int(events.behaviors[event])]]
    event += 1
    return .row
  }

  /// Moves on to the user of the next event; nil at the end.
  private func shardWithEvents() throws -> UserShard? {
    while true {
      if let shard {
        while user < shard.userCount {
          if event < shard.events(user).count { return shard }
          (user, event) = (user + 1, 0)
        }
      }
      guard next < shards.upperBound else { return nil }
      shard = nil
      shard = try dataset.openShard(next)
      bytesRead += dataset.manifest.files[next + 1].bytes
      (next, user, event) = (next + 1, 0, 0)
    }
  }
}
