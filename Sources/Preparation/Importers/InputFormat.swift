import Datasets
import Files

/// A format of interaction and items files.
///
/// A new one takes a case here and a source of rows, which `Importer` opens.
package enum InputFormat: String, Sendable, CaseIterable {
  /// RFC 4180 with a header: quoted fields may hold commas, doubled quotes and line ends.
  case csv
  /// Tab-separated with a header; no quoting.
  case tsv
  /// A JSON object a line.
  case jsonl
  /// Parquet, whose columns have types (`ParquetSource`).
  case parquet
  /// `ratings.dat` (`user::item::rating::timestamp`) and `movies.dat` (`id::title::genres`; UTF-8 when all of it is, else Latin-1).
  ///
  /// The behavior is `rate_1` … `rate_5`, the scene `movies`, the text `title | genre, genre`.
  case movieLens1M = "movielens-1m"
  /// Review and metadata lines of the 2014 release; metadata may be Python literals instead of JSON.
  ///
  /// The behavior is `review`; the scene comes from the file's name: `reviews_Beauty_5.json.gz` and `meta_Beauty.json.gz` are `beauty`.
  case amazon2014 = "amazon-2014"
  /// Review and metadata JSON lines of the 2023 release, times in milliseconds; items are `parent_asin`.
  ///
  /// The behavior is `review`; the scene comes from the file's name: `All_Beauty.jsonl.gz` and `meta_All_Beauty.jsonl.gz` are `all_beauty`.
  case amazon2023 = "amazon-2023"

  /// Whether texts have HTML's escapes in them.
  var hasEscapedTexts: Bool { self == .amazon2014 || self == .amazon2023 }

  /// Whether column names can be chosen.
  var hasColumns: Bool { self == .csv || self == .tsv || self == .jsonl || self == .parquet }
}

extension InputFormat {
  /// The format that a file's name tells: `.tsv`, `.jsonl`, `.ndjson` and `.json`, with or without `.gz`, and `.parquet`, in letters of any
  /// size; anything else, standard input too, is CSV.
  init(ofFile path: String) {
    var name = path.lowercased().utf8[...]
    func takes(_ ending: String) -> Bool { name.suffix(ending.utf8.count).elementsEqual(ending.utf8) }
    guard !takes(".parquet") else {
      self = .parquet
      return
    }
    if takes(".gz") { name = name.dropLast(3) }
    self = takes(".tsv") ? .tsv : [".jsonl", ".ndjson", ".json"].contains(where: takes) ? .jsonl : .csv
  }
}

/// Throws `InputError` with file and line when a row is bad or the id in it is.
///
/// An id that is only looked up may have what a data set of an earlier version has in its ids (`isPrepared`).
func checkRow(
  _ outcome: RowOutcome, _ id: UnsafeRawBufferPointer, _ what: String, _ source: any RowSource, isPrepared: Bool = false
) throws {
  var problem = IdentifierCheck.problem(id, what, isPrepared: isPrepared)
  if case .bad(let bad) = outcome { problem = bad }
  guard let problem else { return }
  throw InputError("\(source.place): \(problem.detail) (\(problem.kind.rawValue)); fix the row")
}
