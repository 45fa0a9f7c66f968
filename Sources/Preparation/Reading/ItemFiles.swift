import Collectives
import Datasets
import Files

/// Reads items files: texts and listed scenes of the items that were kept.
///
/// Every rank reads all rows, because an items file is mostly one; but making a text ready takes far longer than finding its row, so each
/// rank does that for the rows of its own items, and rank 0 then has all texts (`gather`).
struct ItemFiles {
  private(set) var rows = 0
  private(set) var goodRows = 0
  private(set) var unusedRows = 0
  private(set) var repeatedRows = 0
  /// Rows of items that no event names, with the first.
  private(set) var unseenRows = Occurrences()
  /// Texts that are not UTF-8, with the first.
  private(set) var unreadableTexts = Occurrences()
  private var firstUnreadableRow = Int.max
  private(set) var badRows = BadRowLog()
  private(set) var inputs: [DatasetManifest.Input] = []
  /// Scene names as the events numbered them; names that only items files know are added.
  let scenes: NameTable
  /// Scenes of each kept item by the files' account.
  private(set) var listed: PairSet

  private let ids: IdentifierTable
  /// The catalogue's row of each id, -1 = dropped.
  private let numbers: [Int32]
  private let options: PreparationOptions
  private let bytes = ByteBuffer()
  private var texts: [Range<Int>]
  private let key = ByteBuffer()
  private let note: (String) -> Void
  private let communicator: any Communicator

  /// Starts without a text.
  ///
  /// - Parameters:
  ///   - rows: the place of each kept item among the names.
  ///   - communicator: the ranks that read together.
  init(
    _ options: PreparationOptions, names: EventNames, rows: [Int], on communicator: any Communicator,
    note: @escaping (String) -> Void
  ) {
    self.communicator = communicator
    self.options = options
    (ids, scenes) = (names.items, names.scenes)
    var numbers = [Int32](repeating: -1, count: ids.count)
    for (number, item) in rows.enumerated() { numbers[item] = Int32(number) }
    self.numbers = numbers
    texts = Array(repeating: 0..<0, count: rows.count)
    listed = PairSet(numbers: rows.count)
    self.note = note
  }

  /// The text of a kept item as it is stored (`ItemText`); empty = none.
  ///
  /// Valid while this value lives and nothing more is read.
  func text(_ item: Int) -> UnsafeRawBufferPointer { bytes[texts[item]] }

  /// Bytes of all texts.
  var textBytes: Int { texts.reduce(0) { $0 + $1.count } }

  /// Kept items without a text.
  var itemsWithoutText: Int { texts.count { $0.isEmpty } }

  /// Takes over the texts and scenes of a data set's items, whose numbers in `ids` are those of its catalogue.
  mutating func take(_ dataset: Dataset) throws {
    let indices = try dataset.scenes.map { try scenes.intern($0) }
    for item in 0..<dataset.items.count where numbers[item] >= 0 {
      let (number, text) = (Int(numbers[item]), dataset.items.textBytes(item))
      for scene in dataset.items.scenes(item) { listed.insert(number, indices[scene]) }
      guard !text.isEmpty, isOwn(number) else { continue }
      texts[number] = bytes.count..<bytes.count + text.count
      bytes.append(text)
    }
  }

  /// Reads a whole source.
  ///
  /// Throws `InputError` when the file is damaged.
  mutating func read(_ source: any RowSource) throws {
    guard options.itemKey == .item || source.namesScenes else {
      throw InputError("\(source.path):1: with --item-key item-scene the items file needs a scene column")
    }
    let row = Row()
    let (rowsBefore, badBefore) = (rows, badRows.total)
    reading: while true {
      switch try source.next(row) {
      case .end: break reading
      case .bad(let problem):
        rows += problem.rows
        refuse(problem, source)
      case .row:
        rows += 1
        if let problem = try take(row, source) { refuse(problem, source) }
      }
    }
    inputs.append(
      DatasetManifest.Input(path: source.path, kind: "items", rows: rows - rowsBefore, badRows: badRows.total - badBefore))
  }

  private mutating func refuse(_ problem: BadRow, _ source: any RowSource) {
    if let line = badRows.add(problem, at: source.place) { note(line) }
  }

  private mutating func take(_ row: Row, _ source: any RowSource) throws -> BadRow? {
    if let problem = IdentifierCheck.problem(row[.item], "item") { return problem }
    var fallback = source.defaultScene
    return try fallback.withUTF8 { fallback in
      let scene = row[.scene].isEmpty ? UnsafeRawBufferPointer(fallback) : row[.scene]
      if let problem = IdentifierCheck.problem(scene, "scene") { return problem }
      goodRows += 1
      if options.itemKey == .itemScene { try options.sceneKey.check(scene, source.place) }
      let id = options.itemKey == .item ? row[.item] : options.sceneKey.join(row[.item], scene, key)
      let found = ids.find(id).index
      if found == nil { unseenRows.add(source.place) }
      guard let found, numbers[found] >= 0 else {
        unusedRows += 1
        return nil
      }
      let item = Int(numbers[found])
      // An empty cell lists the item nowhere; a scene that the file's name or format gives lists all of its items.
      let isListed = !row[.scene].isEmpty || source.defaultScene != "default"
      if isListed, case .number(let number) = try scenes.number(scene) { listed.insert(item, number) }
      addText(row, item, source)
      return nil
    }
  }

  private func isOwn(_ item: Int) -> Bool { item % communicator.size == communicator.rank }

  private mutating func addText(_ row: Row, _ item: Int, _ source: any RowSource) {
    guard isOwn(item) else { return }
    guard texts[item].isEmpty else {
      repeatedRows += 1
      return
    }
    if !TextCleaner.isUTF8(row[.text]) || !TextCleaner.isUTF8(row[.features]) {
      unreadableTexts.add(source.place)
      firstUnreadableRow = min(firstUnreadableRow, rows)
    }
    var text = TextCleaner.itemText(row, unescapesHTML: options.format?.hasEscapedTexts ?? false).stored
    let start = bytes.count
    text.withUTF8 { bytes.append(UnsafeRawBufferPointer($0)) }
    texts[item] = start..<bytes.count
  }

  /// Rank 0 gets the texts of all ranks, and what they found in them; collective.
  mutating func gather() throws {
    guard communicator.size > 1 else { return }
    repeatedRows = try communicator.sum(counts: [repeatedRows])[0]
    let unreadable = try communicator.gatherRecords(Unreadable(row: firstUnreadableRow, texts: unreadableTexts))
    let own = texts.indices.filter(isOwn)
    let lengths = try communicator.gatherToFirst(own.map { texts[$0].count })
    let all = try communicator.gatherToFirst(communicator.isFirst ? [] : own.flatMap { bytes[texts[$0]] })
    guard communicator.isFirst else { return }
    unreadableTexts = Occurrences()
    for found in unreadable.sorted(by: { $0.row < $1.row }) { unreadableTexts.add(found.texts) }
    let others = (1..<communicator.size).flatMap { Array(stride(from: $0, to: texts.count, by: communicator.size)) }
    var start = bytes.count
    all.withUnsafeBytes { bytes.append($0) }
    for (item, length) in zip(others, lengths.dropFirst(own.count)) {
      texts[item] = start..<start + length
      start += length
    }
  }

  /// Texts of a rank that are not UTF-8, with the row of the first.
  private struct Unreadable: Codable {
    var row: Int
    var texts: Occurrences
  }
}
