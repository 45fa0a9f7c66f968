import Datasets
import Files
import Foundation
import TestSupport
import Testing

@testable import Preparation

@Suite struct ImporterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func options(_ format: InputFormat) -> PreparationOptions {
    var options = PreparationOptions()
    options.format = format
    return options
  }

  @Test func jsonLinesTakeTextAndNumbers() throws {
    let path = try folder.write(
      "e.jsonl", "{\"user\":7,\"item\":\"i\",\"timestamp\":1.5,\"scene\":null}\nnot json\n{\"user\":\"u\",\"timestamp\":1}\n")
    let source = try Importer.interactions(InputFile(path: path), options(.jsonl))
    #expect(
      try readAll(source, [.user, .item, .timestamp, .scene]) == ["1: 7|i|1.5|", "2! broken JSON x1", "3! missing value x1"])
  }

  @Test func movieLensRatingsBecomeBehaviors() throws {
    let path = try folder.write("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n1::2::6::3\n1::2::3\n")
    let source = try Importer.interactions(InputFile(path: path), options(.movieLens1M))
    #expect(
      try readAll(source, [.user, .item, .behavior, .timestamp]) == [
        "1: 1|1193|rate_5|978300760", "2: 1|661|rate_3|978302109", "3! rating not 1 to 5 x1", "4! wrong number of fields x1",
      ])
    #expect(source.defaultScene == "movies")
  }

  @Test func movieLensTitlesAreLatin1() throws {
    var data = Data("1::Toy Story (1995)::Animation|Children's|Comedy\n2::Mis".utf8)
    data.append(0xE9)
    data.append(Data("rables, Les::Sequel::Drama\n3::broken\n".utf8))
    let source = try Importer.items(InputFile(path: try folder.write("movies.dat", data)), options(.movieLens1M))
    #expect(
      try readAll(source, [.item, .text]) == [
        "1: 1|Toy Story (1995) | Animation, Children's, Comedy", "2: 2|Misérables, Les::Sequel | Drama",
        "3! wrong number of fields x1",
      ])
  }

  /// Handed on as UTF-8, the whole file is; one broken letter and it is Latin-1 as the release is.
  @Test func movieLensTitlesInUTF8() throws {
    let text = "1::Les Misérables (1995)::Drama|Musical\n\n2::Die Ärzte::X\n"
    let source = try Importer.items(InputFile(path: try folder.write("movies.dat", text)), options(.movieLens1M))
    #expect(
      try readAll(source, [.item, .text]) == ["1: 1|Les Misérables (1995) | Drama, Musical", "3: 2|Die Ärzte | X"])
    let mixed = try folder.write("mixed.dat", Data(text.utf8) + Data("3::Caf".utf8) + Data([0xE9]) + Data("::X\n".utf8))
    let latin = try readAll(try Importer.items(InputFile(path: mixed), options(.movieLens1M)), [.item, .text])
    #expect(latin.count == 3 && latin[2] == "4: 3|Café | X" && latin[0].contains("MisÃ©rables"))
  }

  @Test func amazon2014ReadsReviewsAndPrintedDictionaries() throws {
    let reviews = try folder.write(
      "reviews_Toys_and_Games_5.json",
      #"{"reviewerID": "A1", "asin": "0439893577", "helpful": [0, 0], "overall": 5.0, "unixReviewTime": 1390953600, "reviewText": "ok"}"#
    )
    let source = try Importer.interactions(InputFile(path: reviews), options(.amazon2014))
    #expect(try readAll(source, [.user, .item, .timestamp]) == ["1: A1|0439893577|1390953600"])
    #expect(source.defaultScene == "toys_and_games" && source.defaultBehavior == "review" && source.namesScenes)
    let meta = try folder.write(
      "meta_Toys_and_Games.json",
      "{'asin': '0439893577', 'title': \"Kid's Tool Box\", 'categories': [['Toys', 'x']]}\n{'asin': 'B1'}\n")
    #expect(
      try readAll(try Importer.items(InputFile(path: meta), options(.amazon2014)), [.item, .text]) == [
        "1: 0439893577|Kid's Tool Box", "2: B1|",
      ])
  }

  @Test func amazon2023TimesAreMilliseconds() throws {
    let path = try folder.write(
      "All_Beauty.jsonl", #"{"rating": 5.0, "asin": "B0", "parent_asin": "B1", "user_id": "U", "timestamp": 1588687728923}"#)
    let source = try Importer.interactions(InputFile(path: path), options(.amazon2023))
    #expect(try readAll(source, [.user, .item, .timestamp]) == ["1: U|B1|1588687728923"])
    #expect(source.timeUnit == .milliseconds && source.defaultScene == "all_beauty")
  }

  @Test(arguments: [
    ("/x/reviews_Beauty_5.json.gz", "beauty"), ("meta_Clothing_Shoes_and_Jewelry.json.gz", "clothing_shoes_and_jewelry"),
    ("All_Beauty.jsonl", "all_beauty"), ("meta_All_Beauty.jsonl.gz", "all_beauty"), ("-", "default"),
  ])
  func scenesComeFromFileNames(path: String, scene: String) { #expect(Importer.scene(ofFile: path) == scene) }
}
