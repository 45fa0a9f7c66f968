import Files
import Runs

/// A few users: what they did last, what each run recommends to them, and whether the held-out item is among it.
struct UsersSection {
  /// A user, and what some runs recommend.
  private struct Person {
    /// The data set's checksum: an id means somebody else in another one.
    let dataset: String
    let user: SampleUsers.User
    var found: [(run: ReportedRun, recommendations: [SampleUsers.Recommendation])]
  }

  private let runs: [ReportedRun]
  private let models: [ReportedModel]
  private let count: Int

  init(_ runs: [ReportedRun], _ models: [ReportedModel], count: Int) {
    (self.runs, self.models, self.count) = (runs, models, count)
  }

  var section: Section? {
    guard count > 0 else { return nil }
    let missing = zip(runs, models).compactMap { run, model -> Html? in
      guard case .missing(let reason) = model else { return nil }
      return .missing((runs.count > 1 ? "\(run.name): " : "") + printable(reason))
    }
    let people = people
    guard !people.isEmpty || missing.isEmpty else { return Section(id: "users", title: "Sample users", content: missing) }
    let content = people.isEmpty ? [.missing("No user of the data set has a test event.")] : [note(people)] + [cards(people)]
    return Section(id: "users", title: "Sample users", content: missing + content)
  }

  /// The users of all runs, each once a data set.
  private var people: [Person] {
    var people: [Person] = []
    for (run, model) in zip(runs, models) {
      guard case .facts(let facts) = model, let sample = facts.users else { continue }
      for user in sample.users {
        let known = people.firstIndex { $0.dataset == run.record.checksum && Identifier($0.user.id) == Identifier(user.id) }
        if let known {
          people[known].found.append((run, user.recommendations))
        } else {
          people.append(Person(dataset: run.record.checksum, user: user, found: [(run, user.recommendations)]))
        }
      }
    }
    return people
  }

  private func note(_ people: [Person]) -> Html {
    let phases = RunComparison.union([
      models.compactMap { model -> String? in
        guard case .facts(let facts) = model else { return nil }
        return facts.users?.phase
      }
    ])
    let shares = zip(runs, models).compactMap { run, model -> String? in
      guard case .facts(let facts) = model, let users = facts.users?.users else { return nil }
      let found = users.count { $0.recommendations.contains(where: \.isHeldOut) }
      return "\(found) of \(users.count)" + (runs.count > 1 ? " (\(run.name))" : "")
    }
    return Html(
      .p, [.style("note")],
      text:
        "Users chosen by a hash of their ids, not by their results. The \(phases.joined(separator: ", ")) phase reads what they did "
        + "before their test event and recommends from all items; the item of that event is marked where it is among the first "
        + "\(SampleUsers.shown), here for \(shares.joined(separator: ", ")). Below an item stand the parts of its score and the "
        + "event that it is most like, with the cosine of their embeddings.")
  }

  private func cards(_ people: [Person]) -> Html { Html(.div, [.style("stack")], people.map(card)) }

  private func card(_ person: Person) -> Html {
    let user = person.user
    let events = user.newest.map { event in
      let facts = [event.scene, event.behavior, Self.before(event.before)].map(printable)
      return Html(.li, [], [title(event.title, event.id), .text(" "), Html(.small, text: facts.joined(separator: ", "))])
    }
    let lists = person.found.map { run, recommendations in
      let heading: [Html] = runs.count > 1 ? [.text("Recommended by "), .name(run.name)] : [.text("Recommended")]
      return Html(
        .div, runs.count > 1 ? [.style(run.group)] : [],
        [Html(.h4, [], heading), Html(.ol, [.style("lists")], recommendations.map(line))])
    }
    return Html(
      .div, [.style("card")],
      [
        Html(.h3, [], [.text("User "), .name(user.id)]),
        Html(
          .p, [.style("note")],
          [
            .text("\(HumanFormat.count(user.events, "event")) before the test event, which was "),
            title(user.heldOut.title, user.heldOut.id),
            .text(" (\(printable(user.heldOut.scene)), \(printable(user.heldOut.behavior)))."),
          ]),
        Html(
          .div, [.style("people")],
          [Html(.div, [], [Html(.h4, text: "Newest events"), Html(.ol, [.style("lists")], events)])] + lists),
      ])
  }

  private func line(_ entry: SampleUsers.Recommendation) -> Html {
    let marks = [entry.isHeldOut ? "the held-out item" : nil, entry.isSeen ? "had before" : nil].compactMap { $0 }
    let facts = ["score \(HumanFormat.decimal(Double(entry.score), 2))"] + marks
    let reasons = Self.reasons(entry)
    return Html(
      .li, entry.isHeldOut ? [.style("found")] : [],
      [title(entry.title, entry.id), .text(" "), Html(.small, text: facts.joined(separator: ", "))] + reasons)
  }

  /// What the score is made of, where it has several parts, and the event that the item is most like.
  private static func reasons(_ entry: SampleUsers.Recommendation) -> [Html] {
    let parts = entry.parts.map { "\($0.name) \(HumanFormat.decimal(Double($0.value), 2))" }
    var reasons: [Html] = parts.count > 1 ? [.text(parts.joined(separator: " + "))] : []
    if let (event, cosine) = entry.mostLike {
      let name = event.title.isEmpty ? event.id : event.title
      reasons.append(.text(reasons.isEmpty ? "most like " : "; most like "))
      reasons += [.name(name), .text(" (\(HumanFormat.decimal(Double(cosine), 2)))")]
    }
    return reasons.isEmpty ? [] : [Html(.small, [.style("why")], reasons)]
  }

  private func title(_ title: String, _ id: String) -> Html {
    title.isEmpty ? .name(id) : .all([.name(title), .text(" "), Html(.code, [], [.name(id)])])
  }

  /// How long before the test event.
  private static func before(_ microseconds: Int64) -> String {
    let seconds = Double(microseconds) / 1e6
    return switch seconds {
    case ..<3_600: "\(HumanFormat.decimal(seconds / 60, 0)) min before"
    case ..<86_400: "\(HumanFormat.decimal(seconds / 3_600, 0)) h before"
    default: "\(HumanFormat.decimal(seconds / 86_400, 0)) d before"
    }
  }
}
