import Datasets
import Files

/// Opens input files as row sources, by format.
enum Importer {
  /// A source of events.
  ///
  /// Throws `InputError` when the file cannot be read or lacks columns.
  static func interactions(_ file: InputFile, _ options: PreparationOptions) throws -> any RowSource {
    let format = options.format ?? InputFormat(ofFile: file.path)
    switch format {
    case .csv, .tsv, .jsonl, .parquet:
      return try table(
        file, format, Wanted(options.columns, [.user, .item, .timestamp], [.scene, .behavior], options.timeUnit))
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
    case .csv, .tsv, .parquet:
      // A scene column that only the interactions have is no mistake here.
      var columns = options.columns
      if columns.isChosen(.scene) { columns = columns.withoutChoice(of: .scene) }
      return try table(file, format, Wanted(columns, [.item, .text], [.scene]))
    case .jsonl:
      return try table(file, format, Wanted(options.columns, [.item], [.text, .scene]))
    case .movieLens1M:
      return try MovieLensSource(path: file.path, kind: .movies)
    case .amazon2014:
      return try amazon(file.path, [.item: "asin", .text: "title"], .seconds, isPython: true)
    case .amazon2023:
      return try amazon(file.path, [.item: "parent_asin", .text: "title"], .seconds, isPython: false)
    }
  }

  /// A source of the rows of a list: a file, a folder of parts or a pattern, whose names tell the format, with all of some columns.
  ///
  /// - Parameter advice: what to do about a column that is not there.
  /// - Throws: `InputError` when a file cannot be read or lacks columns.
  static func list(
    _ path: String, _ columns: [Column], optional: [Column] = [], names: ColumnNames = ColumnNames(),
    timeUnit: TimeUnit = .seconds, advice: String = listAdvice
  ) throws -> any RowSource {
    let files = try InputFiles.expand([path], isFormatGiven: false)
    let openers = files.map { file in
      { try table(file, InputFormat(ofFile: file.path), Wanted(names, columns, optional, timeUnit), advice: advice) }
    }
    return openers.count == 1 ? try openers[0]() : try ChainedSource(openers)
  }

  /// What to do about columns of a list, for which no option names them.
  static let listAdvice = "rename the column in the file"

  /// The columns that are looked for in a file.
  private struct Wanted {
    let names: ColumnNames
    let required: [Column]
    let optional: [Column]
    let timeUnit: TimeUnit

    init(_ names: ColumnNames, _ required: [Column], _ optional: [Column], _ timeUnit: TimeUnit = .seconds) {
      (self.names, self.required, self.optional, self.timeUnit) = (names, required, optional, timeUnit)
    }
  }

  /// A file whose columns have names; those that its folders' names give are not looked for in it.
  private static func table(
    _ file: InputFile, _ format: InputFormat, _ wanted: Wanted, advice: String? = nil
  ) throws -> any RowSource {
    let partitions = file.partitions
    let given = (wanted.required + wanted.optional).compactMap { column in
      partitions.last { Identifier($0.name) == Identifier(wanted.names[column]) }.map { (column: column, value: $0.value) }
    }
    let isWanted = { (column: Column) in !given.contains { $0.column == column } }
    let rest = Wanted(
      wanted.names, wanted.required.filter(isWanted), wanted.optional.filter(isWanted), wanted.timeUnit)
    let source = try plainTable(file.path, format, rest, advice)
    return given.isEmpty ? source : PartitionedSource(source, given)
  }

  private static func plainTable(
    _ path: String, _ format: InputFormat, _ wanted: Wanted, _ advice: String?
  ) throws -> any RowSource {
    let (names, required, optional, unit) = (wanted.names, wanted.required, wanted.optional, wanted.timeUnit)
    if format == .parquet {
      return try ParquetSource(
        path: path, columns: names, required: required, optional: optional, timeUnit: unit, advice: advice)
    }
    try refuseParquet(path, isList: advice != nil)
    if format == .jsonl {
      return try ObjectSource(
        path: path, columns: names, required: required, optional: optional, timeUnit: unit, advice: advice)
    }
    return try DelimitedSource(
      path: path, format: format, columns: names, required: required, optional: optional, timeUnit: unit, advice: advice)
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
      path: path, columns: columns, required: required, optional: names[.text] == nil ? [] : [.text], timeUnit: unit,
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
