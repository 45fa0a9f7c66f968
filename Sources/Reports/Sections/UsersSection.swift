import Files

/// A few users: what they did last, what they are recommended, and whether the held-out item is among it.
struct UsersSection {
  private let runs: [ReportedRun]
  private let models: [ReportedModel]
  private let count: Int

  init(_ runs: [ReportedRun], _ models: [ReportedModel], count: Int) {
    (self.runs, self.models, self.count) = (runs, models, count)
  }

  var section: Section? {
    guard count > 0 else { return nil }
    let content = zip(runs, models).flatMap { run, model -> [Html] in
      let head = runs.count > 1 ? [Html(.h3, [], [.name(run.name)])] : []
      let own: [Html] =
        switch model {
        case .missing(let reason): [.missing(printable(reason))]
        case .facts(let facts): users(facts.users)
        }
      return runs.count > 1 ? [Html(.div, [.style(run.group)], head + own)] : own
    }
    return Section(id: "users", title: "Sample users", content: content)
  }

  private func users(_ sample: SampleUsers?) -> [Html] {
    guard let sample, !sample.users.isEmpty else { return [.missing("No user of the data set has a test event.")] }
    let found = sample.users.count { $0.recommendations.contains(where: \.isHeldOut) }
    let note = Html(
      .p, [.style("note")],
      text:
        "Users chosen by a hash of their ids, not by their results. The \(sample.phase) phase reads what they did before their test "
        + "event and recommends from all items; the item of that event is marked where it is among the first \(SampleUsers.shown): here for "
        + "\(found) of \(sample.users.count).")
    return [note, Html(.div, [.style("stack")], sample.users.map(card))]
  }

  private func card(_ user: SampleUsers.User) -> Html {
    let events = user.newest.map { event in
      Html(
        .li, [],
        [
          title(event.title, event.id),
          Html(.small, text: "\(printable(event.scene)), \(printable(event.behavior)), \(Self.before(event.before))"),
        ])
    }
    let recommendations = user.recommendations.map { entry in
      let marks = [entry.isHeldOut ? "the held-out item" : nil, entry.isSeen ? "had before" : nil].compactMap { $0 }
      return Html(
        .li, entry.isHeldOut ? [.style("found")] : [],
        [
          title(entry.title, entry.id),
          Html(.small, text: (["score \(HumanFormat.decimal(Double(entry.score), 2))"] + marks).joined(separator: ", ")),
          reasons(entry),
        ])
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
          [
            Html(.div, [], [Html(.h4, text: "Newest events"), Html(.ol, [.style("lists")], events)]),
            Html(.div, [], [Html(.h4, text: "Recommended"), Html(.ol, [.style("lists")], recommendations)]),
          ]),
      ])
  }

  /// Why an item is recommended; nothing is known of that yet.
  private func reasons(_ entry: SampleUsers.Recommendation) -> Html { .nothing }

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
