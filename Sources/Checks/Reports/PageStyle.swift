/// The style sheet of the page: no fonts, images or scripts from anywhere.
enum PageStyle {
    static let css = """
        :root{color-scheme:light dark;--ground:#fbfaf8;--card:#fff;--ink:#1c1d21;--soft:#62656e;--rule:#e3e1dc;\
        --good:#1a7f4b;--bad:#c22f2f;--warn:#9a6400;--good-ground:#e6f4ec;--bad-ground:#fcebea;--warn-ground:#fdf3de;\
        --code:#f3f1ed}
        @media (prefers-color-scheme:dark){:root{--ground:#15171b;--card:#1d2026;--ink:#e9e8e4;--soft:#9da1ab;\
        --rule:#323640;--good:#5cc98e;--bad:#f47c75;--warn:#e3b052;--good-ground:#17301f;--bad-ground:#3a1d1d;\
        --warn-ground:#35290f;--code:#262a32}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--ground);color:var(--ink);\
        font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
        .page{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
        header{display:flex;flex-wrap:wrap;align-items:baseline;gap:6px 16px;margin-bottom:20px}
        h1{font-size:26px;line-height:1.2;margin:0;font-weight:650}
        h2{font-size:18px;margin:36px 0 12px;font-weight:650}
        h3{font-size:16px;margin:0;font-weight:600}
        .meta{color:var(--soft);margin:0;font-size:14px;flex-basis:100%}
        .verdict{font-weight:650;padding:3px 12px;border-radius:999px;font-size:14px}
        .verdict.good{background:var(--good-ground);color:var(--good)}
        .verdict.bad{background:var(--bad-ground);color:var(--bad)}
        .verdict.warned{background:var(--warn-ground);color:var(--warn)}
        .card{background:var(--card);border:1px solid var(--rule);border-radius:12px}
        .map{padding:16px 8px 8px;overflow-x:auto}
        .route{display:block;width:100%;min-width:640px;height:auto;font:600 15px system-ui,sans-serif}
        .route text{text-anchor:middle;fill:var(--ink)}
        .route .count{font-size:14px}.route .what{font-size:11.5px;font-weight:400;fill:var(--soft)}
        .route .symbol{font-size:20px}
        .route circle{fill:var(--card);stroke-width:2.5}
        .route .good circle{fill:var(--good-ground);stroke:var(--good)}.route .good .symbol{fill:var(--good)}
        .route .warned circle{fill:var(--warn-ground);stroke:var(--warn)}.route .warned .symbol{fill:var(--warn)}
        .route .broken circle{fill:var(--bad-ground);stroke:var(--bad)}.route .broken .symbol,\
        .route .broken .count{fill:var(--bad)}
        .route .first circle{stroke-width:4}
        .route .unknown circle{stroke:var(--soft);stroke-dasharray:4 4}.route .unknown .symbol{fill:var(--soft)}
        .link{stroke-width:3}.link.good{stroke:var(--good)}.link.warned{stroke:var(--warn)}
        .link.broken{stroke:var(--bad);stroke-dasharray:7 6}.link.beyond{stroke:var(--rule)}
        .route .break circle{fill:var(--bad);stroke:var(--card)}.route .break path{stroke:#fff;stroke-width:2.6;\
        stroke-linecap:round;fill:none}
        @media (prefers-color-scheme:dark){.route .break path{stroke:#15171b}}
        .cause{padding:18px 20px;margin:0 0 14px;border-left:5px solid var(--bad)}
        .cause.warning{border-left-color:var(--warn)}.cause.info{border-left-color:var(--soft)}
        .cause .code{font:600 13px ui-monospace,Consolas,monospace;color:var(--soft);margin-right:8px}
        .cause dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:6px 16px;margin:12px 0 0}
        dt{color:var(--soft);font-size:14px;padding-top:1px}dd{margin:0;min-width:0}
        code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Consolas,monospace}
        pre{margin:0;padding:10px 12px;background:var(--code);border-radius:8px;white-space:pre-wrap;\
        overflow-wrap:anywhere}
        .filters{display:flex;flex-wrap:wrap;gap:8px;margin:36px 0 12px;align-items:center}
        .filters h2{margin:0 12px 0 0}
        .choice{position:absolute;opacity:0;pointer-events:none}
        .filters label{border:1px solid var(--rule);background:var(--card);border-radius:999px;padding:4px 14px;\
        font-size:14px;cursor:pointer}
        .step{margin:0 0 10px;overflow:hidden}
        summary{cursor:pointer;padding:11px 16px;display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;\
        list-style:none}
        summary::-webkit-details-marker{display:none}
        summary::before{content:"▸";color:var(--soft)}[open]>summary::before{content:"▾"}
        summary:focus-visible,.choice:focus-visible+label{outline:2px solid currentColor;outline-offset:2px}
        .counts{color:var(--soft);font-size:14px;margin-left:auto}
        .check{padding:11px 16px;border-top:1px solid var(--rule);display:grid;\
        grid-template-columns:24px minmax(0,1fr) max-content;gap:4px 10px}
        .check .title{overflow-wrap:anywhere}
        .check .id{color:var(--soft);font:13px ui-monospace,Consolas,monospace;overflow-wrap:anywhere}
        .check .time{color:var(--soft);font-size:13px}
        .check .more{grid-column:2/4;min-width:0}
        .check table{border-collapse:collapse;width:100%;margin:6px 0;font-size:14px;table-layout:fixed}
        .check th,.check td{text-align:left;vertical-align:top;padding:4px 10px 4px 0;overflow-wrap:anywhere;\
        white-space:pre-wrap}
        .check th{font-weight:500;color:var(--soft);white-space:normal}.check th:first-child{width:22%}
        .mark{font-weight:700}.is-passed .mark{color:var(--good)}.is-failed .mark,.is-error .mark{color:var(--bad)}
        .is-warning .mark,.is-not-permitted .mark{color:var(--warn)}.is-info .mark,.is-skipped .mark{color:var(--soft)}
        .badge{display:inline-block;font-size:12px;border:1px solid currentColor;border-radius:999px;padding:0 8px;\
        color:var(--soft)}
        a{color:inherit}
        .matrix{border-collapse:separate;border-spacing:0;width:100%;font-size:14px}
        .matrix th,.matrix td{padding:9px 10px;text-align:center;border-top:1px solid var(--rule)}
        .matrix thead th{border-top:0;color:var(--soft);font-weight:500;overflow-wrap:anywhere}
        .matrix tbody th{text-align:left;font-weight:600;max-width:280px;overflow-wrap:anywhere}
        .matrix td.bad{background:var(--bad-ground);color:var(--bad);font-weight:650}
        .matrix td.warned{background:var(--warn-ground);color:var(--warn);font-weight:650}
        .matrix td.good{color:var(--good)}.matrix td.none{color:var(--soft)}
        .scroll{overflow-x:auto}
        footer{color:var(--soft);font-size:13px;margin-top:36px}
        @media (max-width:600px){.check{grid-template-columns:20px minmax(0,1fr)}.check .time{grid-column:2}\
        .check .more{grid-column:2/3}.cause dl{grid-template-columns:minmax(0,1fr)}}
        @media print{.filters{display:none}.card{break-inside:avoid}}

        """ + filters

    /// Filters are radio buttons in front of what they filter, so that no script is needed.
    private static var filters: String {
        let shown: [(id: String, kept: [String])] = [
            ("failed", ["failed", "error"]),
            ("attention", ["failed", "error", "warning", "info", "not-permitted"]),
            ("skipped", ["skipped"]), ("passed", ["passed"]),
        ]
        var css = ""
        for (id, kept) in shown {
            let none = kept.map { ":not(.is-\($0))" }.joined()
            let any = kept.map { ".is-\($0)" }.joined(separator: ",")
            css += "#show-\(id):checked~.checks .check\(none){display:none}\n"
            css += "#show-\(id):checked~.checks .step:not(:has(\(any))){display:none}\n"
        }
        for id in ["all", "failed", "attention", "skipped", "passed"] {
            css += "#show-\(id):checked~.filters label[for=show-\(id)]"
            css += id == "passed" ? "" : ","
            if id != "passed" { css += "\n" }
        }
        return css + "{background:var(--ink);color:var(--ground);border-color:var(--ink)}\n"
    }
}
