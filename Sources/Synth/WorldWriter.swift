import Files

/// Writes a world as the raw files that preparation reads: `interactions.csv` and `items.csv`, or `.csv.gz`.
///
/// Users are written one after the other, so memory does not grow with their number.
public struct WorldWriter {
  private let world: World
  private let folder: String
  private let isGzipped: Bool

  private static let flushSize = 1 << 18

  /// Sets up a writer into a folder that exists.
  public init(_ world: World, folder: String, isGzipped: Bool) {
    self.world = world
    self.folder = folder
    self.isGzipped = isGzipped
  }

  /// The path of the events' file.
  public var interactionsPath: String { "\(folder)/interactions.csv\(isGzipped ? ".gz" : "")" }

  /// The path of the items' file.
  public var itemsPath: String { "\(folder)/items.csv\(isGzipped ? ".gz" : "")" }

  /// Writes both files.
  ///
  /// - Parameter progress: Called now and then with the number of users written.
  /// - Throws: `InputError` when the folder is not writable or the disk is full.
  public func write(progress: (Int) -> Void = { _ in }) throws -> WorldSummary {
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
    // The field between item and time, for each pair of scene and behaviour.
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
