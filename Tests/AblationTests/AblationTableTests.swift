import Config
import Files
import Foundation
import Reporting
import Testing

@testable import Ablation

struct AblationTableTests {
  @Test func theWholePage() throws {
    let world = try AblationWorld()
    let page = AblationTable(try world.results()).markdown
    let file = world.grid.file
    #expect(
      page == """
        # Ablation: \(file)

            precise ablate grid.yaml --out out

        - configuration: \(world.grid.config)
        - `both`: as it is; data dataset, abc
        - `ids`: model.semantic_dim=0; data dataset, abc
        - seeds: 1, 2
        - A cell is the mean over seeds ± the standard deviation over seeds; in parentheses the difference to `both`, paired by seed, ± its standard error over seeds. Rows "over" are the same of what stands beside a phase on the same users, with what the phase gains on it.
        - Each run's checkpoint was chosen by its validation metric. Choose between variants by the validation rows; test events are for what has been chosen.

        ## universal

        Protocol: filter_seen false; split test (leave-one-out).

        | recall@10, test | all | tail |
        |---|---:|---:|
        | users | 1,200 | 70 |
        | **both** | 0.0600 ± 0.0141 | 0.0110 ± 0.0014 |
        | ids | 0.0510 ± 0.0156 (-0.0090 ± 0.0010) | 0.0220 ± 0.0028 (+0.0110 ± 0.0010) |

        | validation, all | recall@10 |
        |---|---:|
        | **both** | 0.1200 ± 0.0283 |
        | ids | 0.1020 ± 0.0311 (-0.0180 ± 0.0020) |

        """)
  }

  @Test func gapsAreShownAndSaid() throws {
    let world = try AblationWorld("evaluate: {evaluation.filter_seen: [false, true]}")
    let page = AblationTable(try world.results(isWhole: false, failures: ["ids, seed 2: training ended with 70"])).markdown
    #expect(page.contains("- **Incomplete**: ids, seed 2: training ended with 70\n"))
    #expect(
      page.contains("## universal, evaluation.filter_seen=false\n")
        && page.contains("## universal, evaluation.filter_seen=true\n"))
    // Of one seed there is no deviation, and the difference is to that seed of the base.
    #expect(page.contains("| ids | 0.0400 (-0.0100) | 0.0200 (+0.0100) |"))
    let empty = AblationResults(world.grid, command: "c", data: [:], records: [:])
    #expect(AblationTable(empty).markdown.contains("- seeds: 1, 2\n") && empty.phases.isEmpty)
  }

  @Test func aTargetedPhaseIsHeldAgainstTheUniversalOne() throws {
    let world = try AblationWorld()
    var records: [String: [UInt64: AblationRecord]] = [:]
    for (seed, own, universal) in [(UInt64(1), 0.08, 0.06), (2, 0.09, 0.08)] {
      var record = try world.record()
      try record.add(
        AblationWorld.printed(own, 0.01, universal: universal, phase: "like"), setting: "as configured", split: "test")
      records["both", default: [:]][seed] = record
    }
    let results = AblationResults(world.grid, command: "c", data: [:], records: records)
    let page = AblationTable(results).markdown
    #expect(page.contains("| **both** | 0.0850 ± 0.0071 | 0.0100 ± 0.0000 |\n"))
    #expect(
      page.contains(
        "| · both over universal | 0.0700 ± 0.0141 (gain +0.0150 ± 0.0050) | 0.0350 ± 0.0071 (gain -0.0250 ± 0.0050) |\n"))
    #expect(page.contains("| ids | – | – |"))
  }

  @Test func theFileHasEverySeed() throws {
    let results = try AblationWorld().results()
    let data = Data(results.json.line.utf8)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let rows = try #require(object["results"] as? [[String: Any]])
    #expect(rows.count == 8 && object["seeds"] as? [Int] == [1, 2] && object["base"] as? String == "both")
    let row = try #require(rows.first { $0["variant"] as? String == "ids" && $0["bucket"] as? String == "tail" })
    #expect(row["values"] as? [Double] == [0.020, 0.024] && row["users"] as? Int == 70 && row["split"] as? String == "test")
    #expect(
      abs((row["difference"] as? Double ?? 0) - 0.011) < 1e-12 && abs((row["difference_error"] as? Double ?? 0) - 0.001) < 1e-12)
  }

  @Test func unknownBucketsAreSaid() throws {
    let world = try AblationWorld()
    var grid = world.grid
    grid.buckets = ["all", "tial"]
    var record = try world.record()
    try record.add(AblationWorld.printed(0.1, 0.1), setting: "as configured", split: "test")
    let results = AblationResults(grid, command: "c", data: [:], records: ["both": [1: record]])
    #expect(results.unknownBuckets == ["tial"] && AblationTable(results).markdown.contains("No result has a bucket tial."))
  }

  @Test func thePictureIsXMLWithAMarkForEachNumber() throws {
    let world = try AblationWorld()
    let svg = AblationPlot(try world.results()).svg
    #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n") && svg.contains("prefers-color-scheme: dark"))
    func count(_ text: String) -> Int { svg.components(separatedBy: text).count - 1 }
    // Two variants in two buckets: a mean, a whisker and two seeds each; two marks in the legend.
    #expect(count("r=\"4.5\"") == 4 && count("class=\"whisker ") == 4 && count(" seed\"") == 8 && count("r=\"5\"") == 2)
    #expect(count("<text") == count("</text>") && !svg.contains("nan") && !svg.contains("inf"))
    // The axis goes to 0.1 in steps of 0.02: the highest mark is 0.06 + 0.0141.
    for label in ["0.00", "0.02", "0.08"] { #expect(svg.contains(">\(label)</text>")) }
    let parser = XMLShape(svg)
    #expect(parser.isBalanced)
    let empty = AblationPlot(AblationResults(world.grid, command: "c", data: [:], records: [:])).svg
    #expect(XMLShape(empty).isBalanced)
  }
}
