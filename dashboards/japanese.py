"""English texts of the dashboards and the Japanese that a coordinator reads."""

JAPANESE = {
    "Live capacity": "空き能力ライブ",
    "Spare capacity page": "空き能力のページ",
    "Floor": "機械のいま",
    "Orders": "受注",
    "Federation": "連合",
    "Factory": "工場",
    "Process": "工程",
    "Machine": "機械",
    "Who has time now": "いま時間のある工場",
    "P10 (nearly sure)": "P10（ほぼ確実）",
    "P50 (even chance)": "P50（五分五分）",
    "P90 (at best)": "P90（うまくいけば）",
    "Declared": "申告",
    "Its page": "ページを開く",
    "Its agent": "エージェントを見る",
    "Time": "空き",
    "Week": "週",
    "Taken by orders": "受注で使う時間",
    "Spare hours left this week": "今週の残りの空き時間",
    "Measured, not declared. P10 is nearly sure: nine of ten weeks bring at least that. Only what is left of the week counts.": (
        "申告ではなく実測です。P10 はほぼ確実に見込める時間で、10 週のうち 9 週はこれ以上空きます。今週は、残りの時間だけを数えます。"
    ),
    "State": "状態",
    "This machine": "この機械を見る",
    "Every machine now": "いまの機械の状態",
    "The newest minute that is known. Offline means unknown: it is never counted as idle.": (
        "分かっているいちばん新しい 1 分の状態です。「通信断」は不明という意味で、待機とはみなしません。"
    ),
    "Chance of being late": "遅れる確率",
    "Order": "受注",
    "Done": "進み具合",
    "Due": "納期",
    "Most behind": "いちばん遅れている工程",
    "Open orders whose arrival can be foretold. An alert is raised where being late is likelier than not.": (
        "完成時期を予測できる受注です。遅れる見込みのほうが大きくなると、警報が出ます。"
    ),
    "Orders at risk": "遅れそうな受注",
    "Spare hours by process and week": "工程と週ごとの空き時間",
    "$process: spare hours by week": "$process: 週ごとの空き時間",
    "Machine hours really free, of all factories that have a number, beside what was declared. A week without bars has no number: the table below says why.": (
        "本当に空いている機械時間（数字の出ている全工場の合計）と、申告です。棒のない週は数字が出ていません。理由は下の表にあります。"
    ),
    "By factory, process and week": "工場・工程・週ごと",
    "P10, P50 and P90 of the same hours, what orders take already, and what was declared.": (
        "同じ時間の P10・P50・P90 と、すでに受注で使う時間、申告です。"
    ),
    "No calendar is entered": "カレンダーが未登録です",
    "Too short a time is measured": "実測の期間が足りません",
    "Less than 80 % of the planned time is measured": "予定時間の 80 % 以上を実測できていません",
    "Why": "理由",
    "Data coverage": "データの取得率",
    "Unknown time is never called spare: without enough of it measured there is no number.": (
        "不明な時間を空きとは呼びません。実測が足りないときは数字を出しません。"
    ),
    "No number, and why": "数字の出ない工場と理由",
    "How busy: allocation and utilization": "忙しさ: 割当効率と利用効率",
    "Allocation efficiency": "割当効率",
    "Busy time in the planned time: AUBT / PBT (ISO 22400-2). What is missing to 100 % is spare or unknown.": (
        "予定時間のうち、ふさがっていた割合です（ISO 22400-2 の AUBT / PBT）。100 % との差は、空きか不明な時間です。"
    ),
    "Utilization efficiency": "利用効率",
    "Production in the busy time: APT / AUBT (ISO 22400-2). Setups and short waits lower it.": (
        "ふさがっていた時間のうち、加工していた割合です（ISO 22400-2 の APT / AUBT）。段取りや短い待ちで下がります。"
    ),
    "by factory": "工場別",
    "by process": "工程別",
    "by machine": "機械別",
    "What the machines do": "機械の動き",
    "States of all machines": "全機械の状態",
    "Grey is offline: nothing was heard, so nothing is known. Where an agent sends later what it kept, grey turns into what it was.": (
        "灰色は通信断です。データが届いていないため、何も分かりません。エージェントがためた記録があとで届くと、実際の状態に変わります。"
    ),
    "Cycles": "サイクル数",
    "Machine cycles in each stretch of the chart.": "グラフの 1 区間ごとの機械のサイクル数です。",
    "Cycle time": "サイクルタイム",
    "Running time by cycle, of the hours in which there were cycles.": (
        "稼働時間をサイクル数で割った値です。サイクルのあった時間帯だけを数えます。"
    ),
    "Change": "変化",
    "Last 24 hours": "直近 24 時間",
    "Four weeks before": "その前の 4 週間",
    "Drift of cycle times": "サイクルタイムの変化",
    "100 % is no change. A machine that gets slower over weeks wants a look: tool, material, program.": (
        "100 % は変化なしです。何週もかけて遅くなる機械は、工具・材料・プログラムの確認をおすすめします。"
    ),
    "How far the numbers can be trusted": "数字の確かさ",
    "How much of the planned time is measured. Under 80 % no spare hours are told.": (
        "予定時間のうち、実測できた割合です。80 % に満たないと、空き時間の数字は出ません。"
    ),
    "Age of the newest data": "最新データの古さ",
    "How old the newest minute of each factory is. One to two minutes are usual.": (
        "工場ごとの最新の 1 分が、どれだけ前のものかです。ふだんは 1〜2 分です。"
    ),
    "Grey is offline: nothing was heard, so nothing is known.": (
        "灰色は通信断です。データが届いていないため、何も分かりません。"
    ),
    "State now": "いまの状態",
    "States": "状態",
    "Jobs": "仕事",
    "Which job ran; between jobs the machine worked for its own factory, or not at all.": (
        "どの受注の仕事をしていたかです。それ以外の時間は、自社の仕事か、動いていない時間です。"
    ),
    "Job": "仕事",
    "Hours in each state": "状態ごとの時間",
    "The six states add up to the time that is told of.": "6 つの状態を足すと、記録のある時間になります。",
    "Availability": "可用率",
    "Setup rate": "段取り率",
    "Technical efficiency": "技術効率",
    "Utilization": "稼働率",
    "Running time in the known time, planned stops left out: the number of the floor page.": (
        "状態の分かる時間から計画停止を除き、そのうち稼働していた割合です。「機械のいま」のページと同じ数字です。"
    ),
    "Key figures (ISO 22400-2)": "指標（ISO 22400-2）",
    "Within the calendar. A figure that is not defined in an hour has a gap there.": (
        "勤務時間内の値です。その 1 時間に値が定まらない指標は、線が途切れます。"
    ),
    "Cycles and pieces": "サイクル数と個数",
    "Pieces show where the machine counts them; unknown ones have no line.": (
        "個数は、機械が数えているときだけ表示します。不明なものに線はありません。"
    ),
    "Good pieces": "良品",
    "Scrap": "不良",
    "Running time by cycle, of the minutes in which there were cycles.": (
        "稼働時間をサイクル数で割った値です。サイクルのあった分だけを数えます。"
    ),
    "Agents": "エージェント",
    "Connected": "接続中",
    "Silent": "応答なし",
    "In step": "同期済み",
    "Not in step": "未同期",
    "Agent": "エージェント",
    "Records waiting": "送信待ちの記録",
    "Clock": "時計",
    "Reconnects": "再接続",
    "Running for": "起動からの時間",
    "Memory": "メモリー",
    "Version": "版",
    "All agents now": "いまのエージェント",
    "What each agent last said. A silent one keeps recording as long as it runs: nothing is lost.": (
        "各エージェントから最後に届いた内容です。応答がなくても、動いていれば記録は続き、データは失われません。"
    ),
    "Records waiting in the outbox": "送信待ちの記録の数",
    "Grows while a factory is cut off and falls to nothing afterwards. One that only grows wants a look.": (
        "工場との通信が切れている間は増え、つながるとなくなります。増え続けるときは確認が必要です。"
    ),
    "Counted since the agent started. Many of them mean a bad line.": (
        "エージェントの起動からの回数です。多いときは、回線の状態がよくありません。"
    ),
    "Of the agent's process.": "エージェントのプロセスが使う量です。",
    "Connections": "接続",
    "Red: the agent is not heard.": "赤は、エージェントと通信できていない時間です。",
    "Clocks": "時計の同期",
    "Red: the clock is not synchronised, so times may be wrong. Please check the network time there.": (
        "赤は、時計が合っていないおそれがある時間です。現地の時刻同期（NTP）をご確認ください。"
    ),
}
