import Files
import TestSupport

@testable import Datasets
@testable import Preparation

extension FuzzTarget {
  /// Files whose format their name tells: the first byte chooses the name, the second whether the columns have names of their own.
  static var named: FuzzTarget {
    FuzzTarget("named", seeds: { _ in namedSeeds }) { folder in
      return { input in
        guard input.count >= 2 else { return }
        let name = names[Int(input[0]) % names.count]
        let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst(2))
        folder.put(name, bytes)
        var options = PreparationOptions()
        if input[1] & 1 == 1 { options.columns = try! ColumnNames("item=artist,text=artist,timestamp=ts") }
        let file = InputFile(path: folder.file(name))
        attempt { walk(try Importer.interactions(file, options)) }
        attempt { walk(try Importer.items(file, options)) }
        attempt {
          let list = try IdentifierList(path: folder.file(name), of: .user)
          while let id = try list.next() { must(!id.utf8.contains(0x0A) && !id.isEmpty, "an id of two lines") }
        }
        // A file that is named as what it is has a sentence that shows none of its bytes.
        guard let signature = FileSignature(bytes) else { return }
        let sentence = signature.sentence(path: folder.file(name))
        must(InputError(sentence).description == sentence && sentence.utf8.count < 1_000, "no plain sentence: \(sentence)")
      }
    }
  }

  private static let names = ["e.csv", "e.tsv", "e.jsonl", "e.json", "e.ndjson", "e", "E.TSV", "my e.csv.gz", "ratings.dat"]

  private static var namedSeeds: [[UInt8]] {
    let plain = [
      "user,item,timestamp\nu,i,1\n", "user\titem\ttimestamp\nu\ti\t1\n", "{\"user\":\"u\",\"item\":\"i\",\"timestamp\":1}\n",
    ]
    let other = [
      "user;item;timestamp\nu;i;1\n", "1::1193::5::978300760\n", "[{\"user\":\"u\"}]\n", "user,artist,ts\nu,a,1e9\n",
      "user,item\ru,i\r",
      "PAR1\u{15}\u{4}", "<html>\n",
    ]
    let texts = plain.enumerated().map { [UInt8($0), 0] + Array($1.utf8) } + other.map { [0, 1] + Array($0.utf8) }
    let marks: [[UInt8]] = [[0xFF, 0xFE, 0x75, 0], [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], [0x50, 0x4B, 3, 4], [0x1F, 0x8B, 8, 0]]
    return texts + marks.map { [7, 0] + $0 }
  }

  /// Times in every unit: what is read is in range, prints, and is read again as it was.
  static var times: FuzzTarget {
    FuzzTarget("times", seeds: { _ in timeSeeds.map { Array($0.utf8) } }) { _ in
      return { input in
        for unit in TimeUnit.allCases {
          guard case .success(let time) = Timestamp.parse(input, unit: unit) else { continue }
          must(abs(time) <= Timestamp.maximumSeconds * 1_000_000, "\(time) is out of range")
          let text = Array(Timestamp.text(time).utf8)
          // Four digits of a year are what is read.
          if text.count == 20 && text[0] != 0x2D {
            let (again, second) = (text.withUnsafeBytes { Timestamp.parse($0, unit: unit) }, Int64(1_000_000))
            let floor = (time >= 0 ? time : time - second + 1) / second * second
            must(again == .success(floor), "\(time) came back as \(again)")
          }
          let digits = Array(String(time).utf8)
          must(digits.withUnsafeBytes { Timestamp.parse($0, unit: .microseconds) } == .success(time), "\(time) in microseconds")
        }
        if let (unit, time) = TimeUnit.fitting(input) { must(TimeWatch.usual.contains(time), "\(time) in \(unit)") }
        _ = TimeWatch.advice(input)
      }
    }
  }

  private static let timeSeeds = [
    "978300019.25", "-3", "1.598930000e9", "1598930000000001999", "253402300799e0", "2025-03-01T09:05:57.123456+02:00",
    "2025-03-01 09:05:57 UTC", "1969-12-31", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00-23:59", "9999-12-31T23:59:59Z",
  ]
}
