import Datasets
import Files

/// What was found in interaction files beside events; those of several ranks add up to what one would have found.
struct ReadAccount: Codable {
  /// A file or data set, with its place among all.
  private struct NumberedInput: Codable {
    var number: Int
    var input: DatasetManifest.Input
  }

  /// Rows of the files, good and bad.
  var rows = 0
  /// Bytes of text read.
  var bytes = 0
  /// Good rows older than the floor.
  var rowsTooOld = 0
  /// The same of the data set that is appended to.
  var knownTooOld = 0
  var badRows = BadRowLog()
  /// Times that are read but look wrong.
  var times = TimeWatch()
  private var numberedInputs: [NumberedInput] = []

  /// What was read, in order.
  var inputs: [DatasetManifest.Input] { numberedInputs.map(\.input) }

  /// Notes an input, or more of the last one.
  mutating func add(_ input: DatasetManifest.Input, number: Int) {
    if let last = numberedInputs.last, last.number == number {
      numberedInputs[numberedInputs.count - 1].input.rows += input.rows
      numberedInputs[numberedInputs.count - 1].input.badRows += input.badRows
    } else {
      numberedInputs.append(NumberedInput(number: number, input: input))
    }
  }

  /// Adds what was found in rows that come behind these.
  mutating func add(_ next: ReadAccount) {
    rows += next.rows
    bytes += next.bytes
    rowsTooOld += next.rowsTooOld
    knownTooOld += next.knownTooOld
    badRows.add(next.badRows)
    times.add(next.times)
    for input in next.numberedInputs { add(input.input, number: input.number) }
  }
}
