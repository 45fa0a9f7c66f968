import Texts

/// Items from two arrays.
struct ArrayItems: TextItems {
  let ids: [String]
  let texts: [String]

  var count: Int { ids.count }
  func id(_ item: Int) -> String { ids[item] }
  func text(_ item: Int) -> String { texts[item] }
  func items(named id: String) -> [Int] { ids.indices.filter { ids[$0] == id } }
}
