import Files

/// Writes a world as the raw files that preparation reads: `interactions.csv` and `items.csv`, or `.csv.gz`.
///
/// Users are written one after the other, so memory does not grow with their number.
package struct WorldWriter {
  private let world: World
  private let folder: String
  private let isGzipped: Bool

  private static let flushSize = 1 << 18

  /// Sets up a writer into a folder that exists.
  package init(_ world: World, folder: String, isGzipped: Bool) {
    self.world = world
    self.folder = folder
    self.isGzipped = isGzipped
  }

  /// The path of the events' file.
  package var interactionsPath: String { "\(folder)/interactions.csv\(isGzipped ? ".gz" : "")" }

  /// The path of the items' file.
  package var itemsPath: String { "\(folder)/items.csv\(isGzipped ? ".gz" : "")" }

  /// Writes both files.
  ///
  /// - Parameter progress: Called now and then with the number of users written.
  /// - Throws: `InputError` when the folder is not writable or the disk is full.
  package func write(progress: (Int) -> Void = { _ in }) throws -> WorldSummary {
    var summary = WorldSummary(world)
    try writeItems(&summary)
    try writeInteractions(&summary, progress)
    return summary
  }

  /// `item,scene,text`; an item of two scenes has two rows.
  private func writeItems(_ summary: inout WorldSummary) throws {
    let titles = Titles(world)
    let ids = Identifiers("i", count: world.items.count)
    var output = try OutputFile(path: itemsPath, isGzipped: isGzipped)
    var buffer = Array("item,scene,text\n".utf8)
    for (index, item) in world.items.enumerated() {
      let text = CSVField.quoted(titles.title(index))
      for scene in [item.scene, item.secondScene].compactMap({ $0 }) {
        ids.append(index, to: &buffer)
        buffer.append(contentsOf: ",\(world.scenes[Int(scene)]),\(text)\n".utf8)
      }
      try flush(&buffer, to: &output, atLeast: Self.flushSize, &summary)
    }
    try flush(&buffer, to: &output, atLeast: 0, &summary)
    try output.commit()
  }

  /// `user,item,scene,behavior,timestamp`.
  private func writeInteractions(_ summary: inout WorldSummary, _ progress: (Int) -> Void) throws {
    let users = Identifiers("u", count: world.options.users)
    let items = Identifiers("i", count: world.items.count)
    // The field between item and time, for each pair of scene and behavior.
    let middles = world.scenes.flatMap { scene in world.behaviors.map { Array(",\(scene),\($0),".utf8) } }
    var output = try OutputFile(path: interactionsPath, isGzipped: isGzipped)
    var buffer = Array("user,item,scene,behavior,timestamp\n".utf8)
    for user in 0..<world.options.users {
      world.tellStory(of: user) { event in
        users.append(user, to: &buffer)
        buffer.append(UInt8(ascii: ","))
        items.append(Int(event.item), to: &buffer)
        buffer.append(contentsOf: middles[Int(event.scene) * world.behaviors.count + Int(event.behavior)])
        Identifiers.append(number: event.time, width: 1, to: &buffer)
        buffer.append(UInt8(ascii: "\n"))
        summary.count(event)
      }
      try flush(&buffer, to: &output, atLeast: Self.flushSize, &summary)
      if user % 1024 == 1023 { progress(user + 1) }
    }
    try flush(&buffer, to: &output, atLeast: 0, &summary)
    try output.commit()
  }

  private func flush(
    _ buffer: inout [UInt8], to output: inout OutputFile, atLeast size: Int, _ summary: inout WorldSummary
  ) throws {
    guard buffer.count >= size else { return }
    try buffer.withUnsafeBytes { try output.write($0) }
    summary.bytes += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}

/// What was written of a made-up world.
package struct WorldSummary: Sendable, Equatable {
  /// Events over all users.
  package var events = 0
  /// Events of each scene.
  package var eventsByScene: [Int]
  /// Events of each behavior.
  package var eventsByBehavior: [Int]
  /// Unix seconds of the first event.
  var firstTime = Int.max
  /// Unix seconds of the last event.
  var lastTime = Int.min
  /// Bytes of both files before compression.
  package var bytes = 0

  init(_ world: World) {
    eventsByScene = [Int](repeating: 0, count: world.scenes.count)
    eventsByBehavior = [Int](repeating: 0, count: world.behaviors.count)
  }

  mutating func count(_ event: WorldEvent) {
    events += 1
    eventsByScene[Int(event.scene)] += 1
    eventsByBehavior[Int(event.behavior)] += 1
    firstTime = min(firstTime, event.time)
    lastTime = max(lastTime, event.time)
  }
}

/// Ids as a letter and a number of fixed width, counted from 1: `u0001`.
struct Identifiers {
  private let prefix: UInt8
  private let width: Int

  init(_ prefix: Unicode.Scalar, count: Int) {
    self.prefix = UInt8(ascii: prefix)
    width = String(count).utf8.count
  }

  func append(_ index: Int, to buffer: inout [UInt8]) {
    buffer.append(prefix)
    Self.append(number: index + 1, width: width, to: &buffer)
  }

  /// Appends a number that is not negative, with zeros in front up to a width.
  static func append(number: Int, width: Int, to buffer: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var rest = UInt(number)
      var first = 20
      repeat {
        first -= 1
        digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0 || 20 - first < width
      buffer.append(contentsOf: digits[first..<20])
    }
  }
}
