import TestSupport

@testable import Datasets
@testable import Files
@testable import Preparation

extension FuzzTarget {
  /// Interaction and items files in every format, gzip, and the lists that other commands take.
  static var rowTargets: [FuzzTarget] {
    [
      rows("delimited", [.csv, .tsv]), rows("objects", [.jsonl, .amazon2014, .amazon2023]), rows("movielens", [.movieLens1M]),
      named, times, gzip, lists, prepare,
    ]
  }

  /// Reads each input as interactions and as items, in each of the formats.
  private static func rows(_ name: String, _ formats: [InputFormat]) -> FuzzTarget {
    FuzzTarget(name) { folder in
      return { input in
        folder.put("rows", input)
        for format in formats {
          var options = PreparationOptions()
          options.format = format
          attempt { walk(try Importer.interactions(InputFile(path: folder.file("rows")), options)) }
          attempt { walk(try Importer.items(InputFile(path: folder.file("rows")), options)) }
        }
      }
    }
  }

  /// Goes through the rows as `EventSink` and `ItemFiles` do.
  static func walk(_ source: any RowSource) {
    let row = Row()
    attempt {
      while true {
        switch try source.next(row) {
        case .end: return
        case .bad(let problem): must(problem.rows > 0 && !problem.detail.isEmpty, "no reason")
        case .row:
          for column in [Column.user, .item, .scene, .behavior] { _ = IdentifierCheck.problem(row[column], column.rawValue) }
          if case .failure(.outOfRange) = Timestamp.parse(row[.timestamp], unit: source.timeUnit) {
            _ = TimeWatch.advice(row[.timestamp])
          }
          _ = TextCleaner.clean(row[.text], unescapesHTML: true)
        }
      }
    }
  }

  /// The input as a compressed file; and compressed by us, which must come back as it was.
  private static var gzip: FuzzTarget {
    FuzzTarget("gzip", seeds: { _ in [compressed(Array("user,item\nu,i\n".utf8)), compressed([]) + compressed([10])] }) {
      folder in
      return { input in
        folder.put("raw.gz", input)
        attempt { _ = try inflated(folder.file("raw.gz")) }
        folder.put("made.gz", compressed(Array(input)))
        attempt {
          let found = try inflated(folder.file("made.gz"))
          must(found.elementsEqual(input), "\(input.count) bytes came back as \(found.count) others")
        }
      }
    }
  }

  private static func compressed(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    bytes.withUnsafeBytes { Deflater().deflate($0, isLast: true) { output += $0 } }
    return output
  }

  private static func inflated(_ path: String) throws -> [UInt8] {
    let source = try ByteSource(path: path)
    var (output, piece): ([UInt8], [UInt8]) = ([], Array(repeating: 0, count: 1000))
    while true {
      let count = try piece.withUnsafeMutableBytes { try source.read(into: $0) }
      guard count > 0, output.count < 1 << 24 else { return output }
      output += piece.prefix(count)
    }
  }

  /// `export --items` and `score --pairs` over a data set, by the formats that a file's name tells.
  private static var lists: FuzzTarget {
    FuzzTarget("lists") { folder in
      let dataset = try FuzzWorld(folder).dataset()
      return { input in
        for name in ["list.csv", "list.tsv", "list.jsonl"] {
          folder.put(name, input)
          attempt {
            let texts = try NewItemTexts(path: folder.file(name), newTo: dataset)
            let ids = Set(texts.ids.map { Identifier($0) })
            must(texts.ids.count == texts.texts.count && ids.count == texts.ids.count, "an id twice")
          }
          attempt {
            let pairs = try IdentifierPairs(path: folder.file(name))
            while let pair = try pairs.next() {
              _ = (try dataset.find(user: pair.user), dataset.items.index(of: pair.item))
            }
          }
        }
      }
    }
  }
}
