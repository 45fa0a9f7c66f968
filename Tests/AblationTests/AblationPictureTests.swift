import Config
import Files
import Foundation
import Reporting
import Testing

@testable import Ablation

/// What evaluation tells besides the means: errors over users, scenes, rankings that need no training; and the pictures of lines.
struct AblationPictureTests {
  private func count(_ text: String, in whole: String) -> Int { whole.components(separatedBy: text).count - 1 }

  @Test func theTableHasErrorsScenesAndBaselines() throws {
    let page = AblationTable(try AblationWorld().fullResults()).markdown
    #expect(
      page.contains(
        """
        | recall@10, test | all | tail |
        |---|---:|---:|
        | users | 1,200 | 70 |
        | error over users | 0.0050 | 0.0010 |
        | **both** | 0.0600 ± 0.0141 | 0.0110 ± 0.0014 |
        | ids | 0.0510 ± 0.0156 (-0.0090 ± 0.0010) | 0.0220 ± 0.0028 (+0.0110 ± 0.0010) |
        | popularity | 0.0300 (-0.0300 ± 0.0100) | 0.0000 (-0.0110 ± 0.0010) |
        | text search | 0.0400 (-0.0200 ± 0.0100) | 0.0300 (+0.0190 ± 0.0010) |

        | recall@10, test, by scene | a\\|b | shop |
        |---|---:|---:|
        | users | 600 | 600 |
        | error over users | – | 0.0100 |
        | **both** | 0.0055 ± 0.0007 | 0.0300 ± 0.0071 |

        """.dropLast()), "\(page)")
    #expect(page.contains("| text search | 0.0150 (+0.0095 ± 0.0005) | 0.0200 (-0.0100 ± 0.0050) |\n"))
    #expect(page.contains("- \"Error over users\" is the standard error") && page.contains("- Rows without a deviation rank"))
  }

  @Test func theTableHasThePicturesNumbers() throws {
    let page = AblationTable(try AblationWorld().fullResults()).markdown
    #expect(
      page.contains(
        """
        | recall@10, test, by training events | 0 | 1–2 | 9 |
        |---|---:|---:|---:|
        | users | 30 | 10 | 60 |
        | both (base) | 0.1000 ± 0.0000 | 0.5000 ± 0.0000 | 0.6000 ± 0.1414 |
        | ids | 0.1000 ± 0.0000 | 0.5000 ± 0.0000 | 0.5000 ± 0.1414 |
        | popularity | 0.1000 | 0.5000 | 0.3000 |

        """), "\(page)")
    #expect(
      page.hasSuffix(
        """
        | ndcg@10, validation, universal, by epoch | 1 | 2 | 4 |
        |---|---:|---:|---:|
        | both (base) | 0.0300 ± 0.0071 | 0.0480 ± 0.0113 | 0.0600 ± 0.0141 |
        | ids | 0.0255 ± 0.0078 | 0.0408 ± 0.0124 | 0.0510 ± 0.0156 |

        """), "\(page)")
  }

  @Test func baselinesOfOtherDataStandApart() throws {
    let world = try AblationWorld()
    var records: [String: [UInt64: AblationRecord]] = [:]
    for variant in ["both", "ids"] {
      var record = try world.record()
      try record.add(
        AblationWorld.printedInFull(0.05, 0.01, baselines: true), setting: "as configured", split: "test")
      records[variant] = [1: record]
    }
    let data = [
      "both": AblationResults.Data(path: "one", checksum: "1"), "ids": AblationResults.Data(path: "two", checksum: "2"),
    ]
    let page = AblationTable(.init(world.grid, command: "c", data: data, records: records)).markdown
    #expect(page.contains("| popularity | 0.0300 (-0.0200) | 0.0000 (-0.0100) |\n"))
    #expect(page.contains("| popularity, on the data of ids | 0.0300 | 0.0000 |\n"))
  }

  @Test func theFileHasThemToo() throws {
    let data = Data(try AblationWorld().fullResults().json.line.utf8)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let rows = try #require(object["results"] as? [[String: Any]])
    // Two variants and two baselines in two buckets and two scenes.
    #expect(rows.count == 16)
    let model = try #require(rows.first { $0["variant"] as? String == "ids" && $0["bucket"] as? String == "tail" })
    let errors = try #require(model["standard_errors"] as? [Double])
    #expect(errors.count == 2 && abs(errors[0] - 0.002) < 1e-12 && abs(errors[1] - 0.0024) < 1e-12)
    let text = try #require(rows.first { $0["baseline"] as? String == "text" && $0["bucket"] as? String == "scenes.shop" })
    #expect(text["value"] as? Double == 0.02 && text["standard_error"] as? Double == 0.008 && text["seed"] as? Int == 1)
    #expect(abs((text["difference"] as? Double ?? 0) + 0.01) < 1e-12)
    let lines = try #require(object["popularity"] as? [[String: Any]])
    #expect(lines.map { $0["ranked_by"] as? String } == ["both", "ids", "popularity"])
    let last = try #require((lines[0]["groups"] as? [[String: Any]])?.last)
    #expect(
      last["training_events"] as? [Int] == [9, 9] && last["users"] as? Int == 60 && last["values"] as? [Double] == [0.5, 0.7])
    let curves = try #require(object["learning_curves"] as? [[String: Any]])
    #expect(curves.count == 4 && (curves[0]["points"] as? [[String: Any]])?.count == 3 && curves[0]["epochs"] as? Int == 4)
  }

  @Test func theLinesAreDrawnAndSaid() throws {
    let results = try AblationWorld().fullResults()
    let popularity = try #require(PopularityPicture(results).svg)
    let curves = try #require(CurvePicture(results).svg)
    for svg in [popularity, curves] {
      #expect(XMLShape(svg).isBalanced && svg.contains("prefers-color-scheme: dark") && svg.contains("<title id=\"title\">"))
      #expect(!svg.contains("nan") && !svg.contains("inf"))
    }
    // Two variants with a band each; a baseline without one, dashed in the panel and in the legend.
    #expect(count("<polyline", in: popularity) == 3 && count("<polygon", in: popularity) == 2)
    #expect(count("stroke-dasharray", in: popularity) == 2 && count("<polyline", in: curves) == 2)
    #expect(popularity.contains("both (base): 0: 0.1000, 1–2: 0.5000, 9: 0.6000; ids: "))
    #expect(popularity.contains(">1–2</text>") && popularity.contains("training events of the item"))
    #expect(curves.contains("by epoch, means over seeds. both (base): 1: 0.0300, 2: 0.0480, 4: 0.0600; ids: "))
  }

  /// Seeds 1 and 2: 0.08 on 0.05 is +60 %, 0.06 on 0.08 is -25 %; the mean is 17.5, the deviation 85 / √2.
  @Test func gainsArePercentOfTheSameSeedsUniversalPhase() throws {
    let world = try AblationWorld()
    var records: [String: [UInt64: AblationRecord]] = [:]
    for (seed, own, universal) in [(UInt64(1), 0.08, 0.05), (2, 0.06, 0.08)] {
      var record = try world.record()
      try record.add(
        AblationWorld.printed(own, 0.01, universal: universal, phase: "like"), setting: "as configured", split: "test")
      records["both", default: [:]][seed] = record
    }
    let results = AblationResults(world.grid, command: "c", data: [:], records: records)
    #expect(
      AblationTable(results).markdown.hasSuffix(
        """
        ## Gains of targeted phases over the universal one

        | gain in recall@10, percent, all | like |
        |---|---:|
        | both (base) | +17.5 % ± 60.1 |
        | ids | – |

        """), "\(AblationTable(results).markdown)")
    let svg = try #require(GainPicture(results).svg)
    #expect(XMLShape(svg).isBalanced && svg.contains("both (base): like 17.5; ids: nothing."))
    // From -42.6 to 77.6: steps of 50, and a line at zero.
    for label in ["-50", "0", "50", "100"] { #expect(svg.contains(">\(label)</text>"), "\(label)") }
    #expect(!svg.contains(">-100</text>") && count("r=\"4.5\"", in: svg) == 1)
    #expect(GainPicture(try world.results()).svg == nil)
  }

  /// What earlier versions have evaluated tells nothing of each user, and has no curves.
  @Test func withoutNumbersThereIsNoPicture() throws {
    let results = try AblationWorld().results()
    #expect(PopularityPicture(results).svg == nil && CurvePicture(results).svg == nil)
    let page = AblationTable(results).markdown
    #expect(!page.contains("training events") && !page.contains("by epoch") && !page.contains("Error over users"))
  }

  /// Names of scenes come from outside: they can break neither the table nor the picture.
  @Test func scenesMayBeBucketsOfTheGrid() throws {
    let world = try AblationWorld()
    var grid = world.grid
    grid.buckets = ["all", "scenes.shop", "scenes.none"]
    var record = try world.record()
    try record.add(AblationWorld.printedInFull(0.1, 0.1, baselines: false), setting: "as configured", split: "test")
    let results = AblationResults(grid, command: "c", data: [:], records: ["both": [1: record]])
    #expect(results.unknownBuckets == ["scenes.none"])
    #expect(AblationTable(results).markdown.contains("| **both** | 0.1000 | 0.0500 | – |\n"))
    grid.file = "a &\u{301}b <c>"
    let svg = AblationPlot(.init(grid, command: "c", data: [:], records: [:])).svg
    #expect(svg.contains("a &amp;\u{301}b &lt;c&gt;: both, ids</title>") && XMLShape(svg).isBalanced)
  }
}
