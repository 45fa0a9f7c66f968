import Datasets
import Files

/// Reads items files: texts and listed scenes of the items that were kept.
struct ItemFiles {
  private(set) var rows = 0
  private(set) var goodRows = 0
  private(set) var unusedRows = 0
  private(set) var repeatedRows = 0
  /// Rows of items that no event names, with the first.
  private(set) var unseenRows = Occurrences()
  /// Texts that are not UTF-8, with the first.
  private(set) var unreadableTexts = Occurrences()
  private(set) var badRows = BadRowLog()
  private(set) var inputs: [DatasetManifest.Input] = []
  /// Scene names as the events numbered them; names that only items files know are added.
  let scenes: NameTable
  /// Scenes of each kept item by the files' account.
  private(set) var listed: PairSet

  private let ids: IdentifierTable
  private let numbers: [Int32]
  private let options: PreparationOptions
  private let bytes = ByteBuffer()
  private var texts: [Range<Int>]
  private let key = ByteBuffer()
  private let note: (String) -> Void

  /// `numbers` gives the catalogue's row of each id, -1 = dropped.
  init(
    _ options: PreparationOptions, ids: IdentifierTable, numbers: [Int32], kept: Int, scenes: NameTable,
    note: @escaping (String) -> Void
  ) {
    self.options = options
    self.ids = ids
    self.numbers = numbers
    self.scenes = scenes
    texts = Array(repeating: 0..<0, count: kept)
    listed = PairSet(numbers: kept)
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
      guard !text.isEmpty else { continue }
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

  private mutating func addText(_ row: Row, _ item: Int, _ source: any RowSource) {
    guard texts[item].isEmpty else {
      repeatedRows += 1
      return
    }
    if !TextCleaner.isUTF8(row[.text]) || !TextCleaner.isUTF8(row[.features]) { unreadableTexts.add(source.place) }
    var text = TextCleaner.itemText(row, unescapesHTML: options.format?.hasEscapedTexts ?? false).stored
    let start = bytes.count
    text.withUTF8 { bytes.append(UnsafeRawBufferPointer($0)) }
    texts[item] = start..<bytes.count
  }
}
