import Foundation
import TestSupport
import Testing

/// `cluster/local/claims.py` says of made-up records what they bear out, and refuses runs that cannot be compared.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "python3 is not here"))
struct ClaimsTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try write("both", [("universal", "test", [0.30, 0.20, 0.10]), ("shop", "test", [0.40]), ("shop", "test.universal", [0.30])])
    try write("ids", [("universal", "test", [0.25, 0.10, 0])])
    try write("text", [("universal", "test", [0.20, 0.20, 0.10])])
    try write("alone", [("shop", "test", [0.32])])
  }

  /// A run's record: recall@10 over all, over the tail and over unseen items, of 10,000, 3,000 and 500 users.
  private func write(
    _ run: String, _ entries: [(phase: String, split: String, recall: [Double])], dataset: String = "d",
    under key: String = "dataset_checksum",
    width: Int = 32, fusion: String = "paper"
  ) throws {
    var record: [String: [String: [String: Any]]] = [:]
    for entry in entries {
      var buckets: [String: Any] = ["protocol": [key: dataset, "filter_seen": false]]
      for (bucket, (recall, users)) in zip(["all", "tail", "unseen"], zip(entry.recall, [10_000, 3000, 500])) {
        buckets[bucket] = ["recall@10": recall, "users": users] as [String: Any]
      }
      record[entry.phase, default: [:]][entry.split] = buckets
    }
    try FileManager.default.createDirectory(atPath: folder.file(run), withIntermediateDirectories: true)
    try folder.write("\(run)/evaluation.json", try JSONSerialization.data(withJSONObject: record))
    try folder.write(
      "\(run)/config.yaml", "model:  # what\n  fusion: \(fusion)  # how\n  id_dim: \(width)  # width\n  semantic_dim: 32\n")
  }

  /// Output, errors and exit status of the script on the four runs.
  private func claims(_ arguments: String...) throws -> (lines: [Substring], errors: String, status: Int32) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    let script = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../cluster/local/claims.py").standardized.path
    process.arguments = [script] + ["both", "ids", "text", "alone"].map(folder.file) + arguments
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (text.split(separator: "\n"), said, process.terminationStatus)
  }

  @Test func fourClaimsHoldWhereTheNumbersSaySo() throws {
    let found = try claims("--strict")
    #expect(found.status == 0 && found.errors.isEmpty && found.lines.count == 4)
    #expect(found.lines.allSatisfy { $0.hasSuffix(": holds") })
    // √(0.3 · 0.7 / 10,000) and √(0.0046² + 0.0043²).
    #expect(
      found.lines[0]
        == "1 both halves, all items: recall@10 0.3000 ±0.0046 (n 10,000) against IDs alone 0.2500 ±0.0043 (+0.0500 ±0.0063), "
        + "text alone 0.2000 ±0.0040 (+0.1000 ±0.0061): holds")
    #expect(found.lines[3].contains("universal 0.3000") && found.lines[3].contains("targeted alone 0.3200"))
  }

  /// Records of earlier versions have the data set's checksum under another name.
  @Test func recordsOfEarlierVersionsAreCompared() throws {
    try write("ids", [("universal", "test", [0.25, 0.10, 0])], under: "dataset")
    #expect(try claims("--strict").status == 0)
    try write("ids", [("universal", "test", [0.25, 0.10, 0])], dataset: "other", under: "dataset")
    #expect(try claims().errors.contains("different protocols"))
  }

  @Test func aClaimThatDoesNotHoldSaysSo() throws {
    // One standard error is no difference, and text alone may be as good in the tail but not better.
    try write("ids", [("universal", "test", [0.294, 0.10, 0])])
    try write("text", [("universal", "test", [0.20, 0.24, 0.10])])
    try write("alone", [("shop", "test", [0.41])])
    let found = try claims()
    #expect(found.status == 0)
    #expect(found.lines.map { $0.hasSuffix(": does not hold") } == [true, true, false, true])
    #expect(try claims("--strict").status == 1)
  }

  @Test func noHitIsNoCertainty() throws {
    try write("both", [("universal", "test", [0.30, 0.20, 0]), ("shop", "test", [0.40]), ("shop", "test.universal", [0.30])])
    let line = try #require(try claims().lines.dropFirst(2).first)
    #expect(line.contains("recall@10 0.0000 ±0.0020 (n 500)") && line.hasSuffix(": does not hold"))
  }

  /// Writes a run's 10,000 users, the first `hits` of whom find their item in the universal phase.
  private func writeUsers(_ run: String, hits: Int) throws {
    let rows = (0..<10_000).map { "universal,test,model,u\($0),mid,3,\($0 < hits ? 1 : 0)" }
    let path = try folder.write(
      "\(run)/ranks.csv", (["phase,split,ranked_by,user,bucket,train_events,recall@10"] + rows).joined(separator: "\n") + "\n")
    let process = try Process.run(URL(fileURLWithPath: "/usr/bin/env"), arguments: ["gzip", "-f", path])
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  /// 100 users tell both halves from IDs, in one direction: √(101 / 10,000 − 0.01²) / √10,000.
  @Test func differencesAreTakenUserByUserWhereTheyAreKnown() throws {
    try write("ids", [("universal", "test", [0.29, 0.10, 0])])
    #expect(try claims().lines[0].hasSuffix(": does not hold"))
    try writeUsers("both", hits: 3_000)
    try writeUsers("ids", hits: 2_900)
    let line = try #require(try claims().lines.first)
    #expect(
      line.contains("IDs alone 0.2900 ±0.0045 (+0.0100 ±0.0010, user by user), text alone 0.2000 ±0.0040 (+0.1000 ±0.0061)"))
    #expect(line.hasSuffix(": holds"))
    // Users of another evaluation than the record's.
    try writeUsers("ids", hits: 2_000)
    let other = try claims()
    #expect(other.status == 2 && other.errors.contains("not of the same evaluation"))
  }

  @Test func runsThatCannotBeComparedAreRefused() throws {
    try write("ids", [("universal", "test", [0.25, 0.10, 0])], dataset: "other")
    let other = try claims()
    #expect(other.status == 2 && other.lines.isEmpty && other.errors.contains("different protocols"))
    try write("ids", [("universal", "test", [0.25, 0.10, 0])], width: 64)
    let wide = try claims()
    #expect(wide.status == 2 && wide.errors.contains("differ in width"))
    try write("ids", [("universal", "test", [0.25, 0.10, 0])], fusion: "similarity")
    let blended = try claims()
    #expect(blended.status == 2 && blended.errors.contains("text is blended into its scores"))
    try FileManager.default.removeItem(atPath: folder.file("ids/evaluation.json"))
    let absent = try claims()
    #expect(absent.status == 2 && absent.errors.contains("precise evaluate"))
  }
}
