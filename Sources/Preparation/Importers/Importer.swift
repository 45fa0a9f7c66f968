import Datasets
import Files

/// Opens input files as row sources, by format.
enum Importer {
  /// A source of events; with `groups`, of these row groups of a Parquet file.
  ///
  /// Throws `InputError` when the file cannot be read or lacks columns.
  static func interactions(_ file: InputFile, _ options: PreparationOptions, groups: Range<Int>? = nil) throws -> any RowSource {
    let format = options.format ?? InputFormat(ofFile: file.path)
    switch format {
    case .csv, .tsv, .jsonl, .parquet:
      return try table(file, format, interactionLayouts(options), options.timeUnit, groups: groups)
    case .movieLens1M:
      return try MovieLensSource(path: file.path, kind: .ratings)
    case .amazon2014:
      return try amazon(
        file.path, [.user: "reviewerID", .item: "asin", .timestamp: "unixReviewTime"], .seconds, isPython: true)
    case .amazon2023:
      return try amazon(
        file.path, [.user: "user_id", .item: "parent_asin", .timestamp: "timestamp"], .milliseconds, isPython: false)
    }
  }

  /// A source of items with their texts.
  ///
  /// Throws `InputError` when the file cannot be read or lacks columns.
  static func items(_ file: InputFile, _ options: PreparationOptions) throws -> any RowSource {
    let format = options.format ?? InputFormat(ofFile: file.path)
    switch format {
    case .csv, .tsv, .jsonl, .parquet:
      return try table(file, format, itemLayouts(options, isTable: format != .jsonl))
    case .movieLens1M:
      return try MovieLensSource(path: file.path, kind: .movies)
    case .amazon2014:
      return try amazon(file.path, [.item: "asin", .text: "title"], .seconds, isPython: true)
    case .amazon2023:
      return try amazon(file.path, [.item: "parent_asin", .text: "title"], .seconds, isPython: false)
    }
  }

  /// How rows of interactions are made of a file's fields, by the names that are looked for first, then by others.
  private static func interactionLayouts(_ options: PreparationOptions) -> [RowLayout] {
    options.columnChoices.map { RowLayout($0, required: [.user, .item, .timestamp], optional: [.scene, .behavior]) }
  }

  /// The same for rows of items; a table (`isTable`) names all of its columns at once, objects need not have a text.
  private static func itemLayouts(_ options: PreparationOptions, isTable: Bool) -> [RowLayout] {
    options.columnChoices.map { columns in
      // A scene column that only the interactions have is no mistake here.
      let names = columns.isChosen(.scene) ? columns.withoutChoice(of: .scene) : columns
      let required = isTable ? names.requiredOfItems : [.item]
      return RowLayout(names, required: required, optional: [.item, .text, .scene, .features].filter { !required.contains($0) })
    }
  }

  /// A source of the rows of a list: a file, a folder of parts or a pattern, whose names tell the format, with all of some columns
  /// under their usual names.
  ///
  /// Throws `InputError` when a file cannot be read or lacks columns.
  static func list(_ path: String, _ columns: [Column]) throws -> any RowSource {
    try list(path, layouts: [RowLayout(ColumnNames(), required: columns, optional: [])])
  }

  /// The same with the fields of the first layout that a file has.
  ///
  /// - Parameters:
  ///   - timeUnit: of times that are numbers.
  ///   - advice: what to do about a column that is not there.
  static func list(
    _ path: String, layouts: [RowLayout], timeUnit: TimeUnit = .seconds, advice: String = listAdvice
  ) throws -> any RowSource {
    let files = try InputFiles.expand([path], isFormatGiven: false)
    let openers = files.map { file in { try table(file, InputFormat(ofFile: file.path), layouts, timeUnit, advice: advice) } }
    return openers.count == 1 ? try openers[0]() : try ChainedSource(openers)
  }

  /// What to do about columns of a list, for which no option names them.
  static let listAdvice = "rename the column in the file"

  /// A file whose columns have names; those that its folders' names give are not looked for in it.
  private static func table(
    _ file: InputFile, _ format: InputFormat, _ layouts: [RowLayout], _ timeUnit: TimeUnit = .seconds,
    groups: Range<Int>? = nil, advice: String? = nil
  ) throws -> any RowSource {
    let layouts = layouts.map { $0.given(file.partitions) }
    if format == .parquet {
      return try ParquetSource(path: file.path, layouts: layouts, timeUnit: timeUnit, groups: groups, advice: advice)
    }
    try refuseParquet(file.path, isList: advice != nil)
    if format == .jsonl { return try ObjectSource(path: file.path, layouts: layouts, timeUnit: timeUnit, advice: advice) }
    return try DelimitedSource(path: file.path, format: format, layouts: layouts, timeUnit: timeUnit, advice: advice)
  }

  /// Throws `InputError` when a file that would be read as text is Parquet; what else it may be is its reader's business.
  static func refuseParquet(_ path: String, isList: Bool) throws {
    guard path != "-", let start = try? FileSignature.start(of: path, FileSignature.length),
      start.withUnsafeBytes({ FileSignature($0) })?.name == FileSignature.parquet
    else { return }
    throw InputError(
      "\(path) is \(FileSignature.parquet); "
        + (isList ? "give the file a name that ends in .parquet" : "give --format parquet, or a name that ends in .parquet"))
  }

  private static func amazon(_ path: String, _ names: [Column: String], _ unit: TimeUnit, isPython: Bool) throws -> ObjectSource {
    var columns = ColumnNames()
    for (column, name) in names { columns[column] = name }
    let required = Column.allCases.filter { names[$0] != nil && $0 != .text }
    return try ObjectSource(
      path: path, layouts: [RowLayout(columns, required: required, optional: names[.text] == nil ? [] : [.text])], timeUnit: unit,
      isPython: isPython, scene: scene(ofFile: path), behavior: "review")
  }

  /// The scene that an Amazon file's name tells: `reviews_Beauty_5.json.gz`, `meta_Beauty.json.gz` and `Beauty.jsonl` are `beauty`.
  static func scene(ofFile path: String) -> String {
    var name = path.split(separator: "/").last.map(String.init) ?? path
    for ending in [".gz", ".json", ".jsonl"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
    for beginning in ["reviews_", "meta_"] where name.hasPrefix(beginning) { name.removeFirst(beginning.count) }
    if let underscore = name.lastIndex(of: "_"), name[underscore...].dropFirst().allSatisfy(\.isNumber) {
      name = String(name[..<underscore])
    }
    return name.isEmpty || name == "-" ? "default" : name.lowercased()
  }
}
