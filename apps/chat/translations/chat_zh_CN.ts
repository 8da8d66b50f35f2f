<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>Link</name>
    <message>
        <source>Open this link?</source>
        <translation>打开此链接？</translation>
    </message>
    <message>
        <source>The text links to:

%1

Open it in the browser?</source>
        <translation>文本链接到：

%1

在浏览器中打开？</translation>
    </message>
</context>
<context>
    <name>main</name>
    <message>
        <source>Converse with a model in a window. Nothing leaves this machine.</source>
        <translation>在窗口中与模型对话。任何内容都不会离开本机。</translation>
    </message>
    <message>
        <source>A GGUF file to load.</source>
        <translation>要加载的 GGUF 文件。</translation>
    </message>
    <message>
        <source>A device by number, UUID or a part of its name.</source>
        <translation>按编号、UUID 或部分名称指定设备。</translation>
    </message>
    <message>
        <source>The folder in which chats are kept.</source>
        <translation>保存对话的文件夹。</translation>
    </message>
    <message>
        <source>Pumice Chat is already open for %1.</source>
        <translation>Pumice Chat 已为 %1 打开。</translation>
    </message>
</context>
<context>
    <name>pumice_chat::BenchPage</name>
    <message>
        <source>Measures the loaded model on this machine with “pumice bench”, a program of its own, which checks the results first. Replies that run meanwhile make it slower.</source>
        <translation>用独立程序“pumice bench”测量本机上已加载的模型，并先检查结果。同时进行的回复会使其变慢。</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>测量</translation>
    </message>
    <message>
        <source>Stop measuring</source>
        <translation>停止测量</translation>
    </message>
    <message>
        <source>Keep the result…</source>
        <translation>保存结果…</translation>
    </message>
    <message>
        <source>Compare with a file…</source>
        <translation>与文件比较…</translation>
    </message>
    <message>
        <source>Results</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>Device and test</source>
        <translation>设备与测试</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>Depth</source>
        <translation>深度</translation>
    </message>
    <message>
        <source>Tokens/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>First token</source>
        <translation>首个词元</translation>
    </message>
    <message>
        <source>Checked</source>
        <translation>已检查</translation>
    </message>
    <message>
        <source>What the program says</source>
        <translation>程序输出</translation>
    </message>
    <message>
        <source>The program “pumice” does not lie beside this one.</source>
        <translation>程序“pumice”不在本程序旁边。</translation>
    </message>
    <message>
        <source>Ended with code %1.</source>
        <translation>已结束，代码 %1。</translation>
    </message>
    <message>
        <source>this machine, now</source>
        <translation>本机，现在</translation>
    </message>
    <message>
        <source>%1, %2 (%3)</source>
        <translation>%1，%2（%3）</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 毫秒</translation>
    </message>
    <message>
        <source>Compare with a file</source>
        <translation>与文件比较</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>%1 is no result of “pumice bench --json”.</source>
        <translation>%1 不是“pumice bench --json”的结果。</translation>
    </message>
    <message>
        <source>Keep the result</source>
        <translation>保存结果</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>无法写入 %1：%2</translation>
    </message>
</context>
<context>
    <name>pumice_chat::CacheMap</name>
    <message>
        <source>Map of the pages</source>
        <translation>页面图</translation>
    </message>
    <message>
        <source>held by a branch</source>
        <translation>由一个分支持有</translation>
    </message>
    <message>
        <source>shared by branches</source>
        <translation>由多个分支共享</translation>
    </message>
    <message>
        <source>cached, to be found again</source>
        <translation>已缓存，可再次找到</translation>
    </message>
    <message>
        <source>came from RAM</source>
        <translation>来自内存</translation>
    </message>
    <message>
        <source>came from disk</source>
        <translation>来自磁盘</translation>
    </message>
    <message>
        <source>free</source>
        <translation>空闲</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>Page %1: %2</source>
        <translation>页面 %1：%2</translation>
    </message>
    <message>
        <source>Tokens %1 to %2 of its text, in %3 branches, found again %4 times</source>
        <translation>其文本的第 %1 至 %2 个词元，在 %3 个分支中，被再次找到 %4 次</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示</translation>
    </message>
    <message>
        <source>You</source>
        <translation>您</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>回复</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
</context>
<context>
    <name>pumice_chat::CachePage</name>
    <message>
        <source>Keys and values of what the model has read, in pages. What two branches share is there once; what no branch holds stays until the room is needed.</source>
        <translation>模型已读内容的键和值，按页存放。两个分支共享的内容只存一份；没有分支持有的内容会保留到需要空间为止。</translation>
    </message>
    <message>
        <source>Branches that are held</source>
        <translation>持有的分支</translation>
    </message>
    <message>
        <source>Branch of</source>
        <translation>所属对话</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>Leave the GPU to others:</source>
        <translation>将 GPU 留给其他程序：</translation>
    </message>
    <message>
        <source>Leave the GPU to others</source>
        <translation>将 GPU 留给其他程序</translation>
    </message>
    <message>
        <source>Empty the cache</source>
        <translation>清空缓存</translation>
    </message>
    <message>
        <source>all of it is used</source>
        <translation>全部使用</translation>
    </message>
    <message>
        <source>%1 %: at most %2 ms of each 1/60 s are used</source>
        <translation>%1 %：每 1/60 秒最多使用 %2 毫秒</translation>
    </message>
    <message>
        <source>The model is being loaded.</source>
        <translation>正在加载模型。</translation>
    </message>
    <message>
        <source>No model is loaded.</source>
        <translation>未加载模型。</translation>
    </message>
    <message>
        <source>%1 pages of %2 tokens (%3); %4 of memory in use on the device.</source>
        <translation>%1 页，每页 %2 个词元（%3）；设备上已用内存 %4。</translation>
    </message>
    <message>
        <source>Looked for %1 pages, found %2: %3 on the device, %4 in RAM, %5 on disk. About %6 s of reading were saved.</source>
        <translation>查找 %1 页，找到 %2 页：设备上 %3，内存中 %4，磁盘上 %5。约节省 %6 秒的读取时间。</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>replies</source>
        <translation>正在回复</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>等待中</translation>
    </message>
    <message>
        <source>State, or pages</source>
        <translation>状态或页</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ChatList</name>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>New chat (Ctrl+N)</source>
        <translation>新对话 (Ctrl+N)</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>搜索所有对话</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>清除搜索</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Folder %1</source>
        <translation>文件夹 %1</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>%1, pinned</source>
        <translation>%1，已置顶</translation>
    </message>
    <message>
        <source>%1, in %2</source>
        <translation>%1，在 %2 中</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>未找到</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ChatPage</name>
    <message>
        <source>Context in use</source>
        <translation>已用上下文</translation>
    </message>
    <message>
        <source>Editing your message: it becomes a new branch.</source>
        <translation>正在编辑您的消息：它将成为新分支。</translation>
    </message>
    <message>
        <source>Editing the reply: it becomes a new branch.</source>
        <translation>正在编辑回复：它将成为新分支。</translation>
    </message>
    <message>
        <source>Delete this message?</source>
        <translation>删除此消息？</translation>
    </message>
    <message>
        <source>Delete this message and all that follows it on this branch?
This cannot be undone.</source>
        <translation>删除此消息及其在此分支上之后的所有内容？
此操作无法撤销。</translation>
    </message>
    <message>
        <source>Branch into a new chat</source>
        <translation>分支到新对话</translation>
    </message>
    <message>
        <source>Delete from here on…</source>
        <translation>从此处起删除…</translation>
    </message>
    <message>
        <source>%1 was not taught to converse: it goes on with what you write, as one text.
Begin a story: “Once upon a time there was a fox who”

The page Models shows what else is on this machine.</source>
        <translation>%1 没有学过对话：它会把您写的内容作为一篇文本续写下去。
用英文开始一个故事：“Once upon a time there was a fox who”

“模型”页面显示本机上的其他模型。</translation>
    </message>
    <message>
        <source>%1 is ready.</source>
        <translation>%1 已就绪。</translation>
    </message>
    <message>
        <source>The model is being loaded. You can write meanwhile.</source>
        <translation>正在加载模型。您可以先写。</translation>
    </message>
    <message>
        <source>No model is loaded. The page Models shows what is on this machine.</source>
        <translation>未加载模型。“模型”页面显示本机上有哪些模型。</translation>
    </message>
    <message>
        <source>Context %1 of %2 tokens; the next reply keeps %3 and computes %4.</source>
        <translation>上下文 %1 / %2 个词元；下一条回复保留 %3 个，计算 %4 个。</translation>
    </message>
    <message numerus="yes">
        <source>The oldest %n message(s) will be dropped.</source>
        <translation>
            <numerusform>最早的 %n 条消息将被略去。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pumice_chat::CodePiece</name>
    <message>
        <source>code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy this code</source>
        <translation>复制此代码</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>Code, %1</source>
        <translation>代码，%1</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
</context>
<context>
    <name>pumice_chat::Composer</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Do not edit</source>
        <translation>不编辑</translation>
    </message>
    <message>
        <source>Attach files</source>
        <translation>附加文件</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>Send the message (Enter)</source>
        <translation>发送消息 (Enter)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop the reply (Esc)</source>
        <translation>停止回复 (Esc)</translation>
    </message>
    <message>
        <source>%1: this model sees no pictures. Load one with a projector (mmproj).</source>
        <translation>%1：此模型看不到图片。请加载带投影器 (mmproj) 的模型。</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>无法读取 %1：%2</translation>
    </message>
    <message>
        <source>%1 is no text of at most 1 MiB (UTF-8).</source>
        <translation>%1 不是不超过 1 MiB 的文本 (UTF-8)。</translation>
    </message>
    <message>
        <source>Take %1 away</source>
        <translation>移除 %1</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ComposerText</name>
    <message>
        <source>Write a message. Enter sends, Shift+Enter starts a new line.</source>
        <translation>写一条消息。Enter 发送，Shift+Enter 换行。</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MainWindow</name>
    <message>
        <source>Pumice Chat</source>
        <translation>Pumice Chat</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>加载模型</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Cancel loading the model</source>
        <translation>取消加载模型</translation>
    </message>
    <message>
        <source>Notice</source>
        <translation>通知</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Close this notice</source>
        <translation>关闭通知</translation>
    </message>
    <message>
        <source>The file of the chats was damaged. It lies untouched in %1; %2 chats and %3 messages were read from it and are here.</source>
        <translation>对话文件已损坏。原文件原样保存在 %1；已从中读出 %2 个对话和 %3 条消息。</translation>
    </message>
    <message>
        <source>%1 cannot be written (%2). You see what it has, and nothing new is kept. Make the file and its folder writable, or start with --data FOLDER.</source>
        <translation>无法写入 %1（%2）。您能看到其中的内容，但新内容不会保存。请使该文件及其文件夹可写，或用 --data 文件夹 启动。</translation>
    </message>
    <message>
        <source>A later version of this program has written %1. It is left as it is, and nothing is kept now. Use that version, or start with --data FOLDER.</source>
        <translation>%1 由本程序的更新版本写入。它保持原样，现在不会保存任何内容。请使用该版本，或用 --data 文件夹 启动。</translation>
    </message>
    <message>
        <source>Chats cannot be kept in %1 (%2): nothing is kept now. Make room or make the folder writable, or start with --data FOLDER.</source>
        <translation>无法在 %1 中保存对话（%2）：现在不会保存任何内容。请腾出空间或使文件夹可写，或用 --data 文件夹 启动。</translation>
    </message>
    <message>
        <source>The disk is full, so this could not be kept in %1. Make room there; it is tried again by itself.</source>
        <translation>磁盘已满，无法保存到 %1。请在那里腾出空间；程序会自动重试。</translation>
    </message>
    <message>
        <source>%1 cannot be written. Make the file and its folder writable; it is tried again by itself.</source>
        <translation>无法写入 %1。请使该文件及其文件夹可写；程序会自动重试。</translation>
    </message>
    <message>
        <source>Another program has %1 open. Close it; it is tried again by itself.</source>
        <translation>另一个程序打开了 %1。请关闭它；程序会自动重试。</translation>
    </message>
    <message>
        <source>This could not be kept in %1: %2</source>
        <translation>无法保存到 %1：%2</translation>
    </message>
    <message>
        <source>Your message is still below: send it again.</source>
        <translation>您的消息仍在下方：请重新发送。</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>%1 – Pumice Chat</source>
        <translation>%1 – Pumice Chat</translation>
    </message>
    <message>
        <source>%1 on the CPU (%2); this is slow</source>
        <translation>%1 在 CPU 上运行（%2）；速度较慢</translation>
    </message>
    <message>
        <source>%1 on %2</source>
        <translation>%1 在 %2 上</translation>
    </message>
    <message>
        <source>Loading %1</source>
        <translation>正在加载 %1</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>无模型</translation>
    </message>
    <message>
        <source>%1 cannot be loaded: %2</source>
        <translation>无法加载 %1：%2</translation>
    </message>
    <message>
        <source>&amp;Chat</source>
        <translation>对话(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Message</source>
        <translation>消息(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>视图(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
    </message>
    <message>
        <source>Shortcuts</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>About Pumice Chat</source>
        <translation>关于 Pumice Chat</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>搜索所有对话</translation>
    </message>
    <message>
        <source>Rename…</source>
        <translation>重命名…</translation>
    </message>
    <message>
        <source>Pin or unpin</source>
        <translation>置顶或取消置顶</translation>
    </message>
    <message>
        <source>Move to a folder…</source>
        <translation>移到文件夹…</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>导入…</translation>
    </message>
    <message>
        <source>Export as Markdown…</source>
        <translation>导出为 Markdown…</translation>
    </message>
    <message>
        <source>Export as JSON…</source>
        <translation>导出为 JSON…</translation>
    </message>
    <message>
        <source>Delete chat…</source>
        <translation>删除对话…</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Write</source>
        <translation>写消息</translation>
    </message>
    <message>
        <source>Attach files…</source>
        <translation>附加文件…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Another reply</source>
        <translation>另一条回复</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Copy message</source>
        <translation>复制消息</translation>
    </message>
    <message>
        <source>Previous branch</source>
        <translation>上一个分支</translation>
    </message>
    <message>
        <source>Next branch</source>
        <translation>下一个分支</translation>
    </message>
    <message>
        <source>Branch into a new chat</source>
        <translation>分支到新对话</translation>
    </message>
    <message>
        <source>Delete from here on…</source>
        <translation>从此处起删除…</translation>
    </message>
    <message>
        <source>Commands…</source>
        <translation>命令…</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>Benchmark</source>
        <translation>基准测试</translation>
    </message>
    <message>
        <source>Settings of the chat</source>
        <translation>对话设置</translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation>放大文字</translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation>缩小文字</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Title:</source>
        <translation>标题：</translation>
    </message>
    <message>
        <source>Move to a folder</source>
        <translation>移到文件夹</translation>
    </message>
    <message>
        <source>Folder (empty: none):</source>
        <translation>文件夹（留空：无）：</translation>
    </message>
    <message>
        <source>Delete chat</source>
        <translation>删除对话</translation>
    </message>
    <message>
        <source>Delete “%1” with all its branches? This cannot be undone.</source>
        <translation>删除“%1”及其所有分支？此操作无法撤销。</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>取消置顶</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>置顶</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>无法写入 %1：%2</translation>
    </message>
    <message>
        <source>Import</source>
        <translation>导入</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>无法读取 %1：%2</translation>
    </message>
    <message>
        <source>%1 is no chat that this program or &apos;pumice chat&apos; has written.</source>
        <translation>%1 不是本程序或“pumice chat”写出的对话。</translation>
    </message>
    <message>
        <source>Pumice Chat %1

Converses with models on this machine&apos;s GPU through Vulkan. Nothing leaves this machine.</source>
        <translation>Pumice Chat %1

通过 Vulkan 在本机 GPU 上与模型对话。任何内容都不会离开本机。</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MessageList</name>
    <message>
        <source>Messages</source>
        <translation>消息列表</translation>
    </message>
    <message>
        <source>Show earlier messages</source>
        <translation>显示更早的消息</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MessageWidget</name>
    <message>
        <source>Stopped by you.</source>
        <translation>已由您停止。</translation>
    </message>
    <message>
        <source>The program ended before this reply did.</source>
        <translation>程序在此回复完成前结束。</translation>
    </message>
    <message>
        <source>No reply: %1</source>
        <translation>没有回复：%1</translation>
    </message>
    <message>
        <source>Cut: this is as long as the settings allow.</source>
        <translation>已截断：已达到设置允许的长度。</translation>
    </message>
    <message>
        <source>Cut: the model&apos;s context is full.</source>
        <translation>已截断：模型的上下文已满。</translation>
    </message>
    <message>
        <source>You</source>
        <translation>您</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Previous branch</source>
        <translation>上一个分支</translation>
    </message>
    <message>
        <source>Next branch</source>
        <translation>下一个分支</translation>
    </message>
    <message>
        <source>Stop this reply</source>
        <translation>停止此回复</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy this message</source>
        <translation>复制此消息</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Edit this message; the old one stays as a branch</source>
        <translation>编辑此消息；原消息保留为分支</translation>
    </message>
    <message>
        <source>Again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Another reply; the old one stays as a branch</source>
        <translation>另一条回复；原回复保留为分支</translation>
    </message>
    <message>
        <source>More for this message</source>
        <translation>此消息的更多操作</translation>
    </message>
    <message>
        <source>Attached: %1</source>
        <translation>附件：%1</translation>
    </message>
    <message>
        <source>Branch %1 of %2</source>
        <translation>分支 %1 / %2</translation>
    </message>
    <message>
        <source>You said</source>
        <translation>您说</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>回复</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>推理</translation>
    </message>
    <message numerus="yes">
        <source>Reasoning… %n word(s)</source>
        <translation>
            <numerusform>正在推理… %n 个词</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Reasoning, %n word(s)</source>
        <translation>
            <numerusform>推理，%n 个词</numerusform>
        </translation>
    </message>
    <message>
        <source>Show the reasoning</source>
        <translation>显示推理</translation>
    </message>
    <message>
        <source>Waiting for room in the device&apos;s memory…</source>
        <translation>正在等待设备内存空间…</translation>
    </message>
    <message>
        <source>Waiting for other replies…</source>
        <translation>正在等待其他回复…</translation>
    </message>
    <message>
        <source>Reading %1 of %2 tokens…</source>
        <translation>正在读取 %1 / %2 个词元…</translation>
    </message>
    <message>
        <source>…</source>
        <translation>…</translation>
    </message>
    <message numerus="yes">
        <source>The oldest %n message(s) had no room in the context.</source>
        <translation>
            <numerusform>最早的 %n 条消息在上下文中放不下。</numerusform>
        </translation>
    </message>
    <message>
        <source>Your message: %1</source>
        <translation>您的消息：%1</translation>
    </message>
    <message>
        <source>Reply: %1</source>
        <translation>回复：%1</translation>
    </message>
    <message>
        <source> · %1 tokens/s</source>
        <translation> · %1 词元/秒</translation>
    </message>
    <message>
        <source> · first after %1 s</source>
        <translation> · 首个用时 %1 秒</translation>
    </message>
    <message>
        <source> · prompt %1: %2 kept, %3 from the cache, %4 computed</source>
        <translation> · 提示 %1：保留 %2，来自缓存 %3，计算 %4</translation>
    </message>
    <message numerus="yes">
        <source>%n token(s)</source>
        <translation>
            <numerusform>%n 个词元</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pumice_chat::ModelsPage</name>
    <message>
        <source>bundled</source>
        <translation>自带</translation>
    </message>
    <message>
        <source>folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>Models on this machine, read where they lie: nothing is copied.</source>
        <translation>本机上的模型，就地读取：不复制任何内容。</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>From</source>
        <translation>来源</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Needs on the device</source>
        <translation>设备上需要</translation>
    </message>
    <message>
        <source>Fits</source>
        <translation>能否容纳</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Room for tokens</source>
        <translation>词元空间</translation>
    </message>
    <message>
        <source>as much as fits well</source>
        <translation>合适的最大值</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 个词元</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>重新查找</translation>
    </message>
    <message>
        <source>Look in a folder…</source>
        <translation>在文件夹中查找…</translation>
    </message>
    <message>
        <source>Device:</source>
        <translation>设备：</translation>
    </message>
    <message>
        <source>Room for:</source>
        <translation>空间：</translation>
    </message>
    <message>
        <source>Offline: this program makes no connection, ever</source>
        <translation>离线：本程序从不建立任何连接</translation>
    </message>
    <message>
        <source>Download from Hugging Face</source>
        <translation>从 Hugging Face 下载</translation>
    </message>
    <message>
        <source>Repository</source>
        <translation>仓库</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>下载</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>cannot be opened</source>
        <translation>无法打开</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>能</translation>
    </message>
    <message>
        <source>in part: slower</source>
        <translation>部分：较慢</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>正在读取…</translation>
    </message>
    <message>
        <source>%1, %2 parameters, made for %3 tokens; weights %4, keys and values %5, working memory %6.</source>
        <translation>%1，%2 个参数，适用于 %3 个词元；权重 %4，键和值 %5，工作内存 %6。</translation>
    </message>
    <message>
        <source>It was not taught to converse: it goes on with what you write.</source>
        <translation>它没有学过对话：它会续写您写的内容。</translation>
    </message>
    <message>
        <source>The device has %1 free: the last layers would stay in the host&apos;s memory.</source>
        <translation>设备空闲 %1：最后几层将留在主机内存中。</translation>
    </message>
    <message>
        <source>Look in a folder</source>
        <translation>在文件夹中查找</translation>
    </message>
    <message>
        <source>the best</source>
        <translation>最佳</translation>
    </message>
    <message>
        <source>%1, %2 free</source>
        <translation>%1，空闲 %2</translation>
    </message>
    <message>
        <source>%1, loaded</source>
        <translation>%1，已加载</translation>
    </message>
    <message>
        <source>This build has no libcurl: install libcurl4-openssl-dev and build again.</source>
        <translation>此构建没有 libcurl：请安装 libcurl4-openssl-dev 并重新构建。</translation>
    </message>
    <message>
        <source>Write OWNER/NAME, or OWNER/NAME:TYPE such as ggml-org/gemma-3-270m-it-GGUF:Q8_0.</source>
        <translation>请写 OWNER/NAME 或 OWNER/NAME:TYPE，例如 ggml-org/gemma-3-270m-it-GGUF:Q8_0。</translation>
    </message>
    <message>
        <source>paused; Download goes on</source>
        <translation>已暂停；点“下载”继续</translation>
    </message>
    <message>
        <source>%1. What had come was thrown away; Download tries again.</source>
        <translation>%1。已下载的内容被丢弃；点“下载”重试。</translation>
    </message>
    <message>
        <source>Not found: %1</source>
        <translation>未找到：%1</translation>
    </message>
    <message>
        <source>%1. What has come is kept; Download goes on with it.</source>
        <translation>%1。已下载的内容会保留；点“下载”继续。</translation>
    </message>
</context>
<context>
    <name>pumice_chat::PaletteDialog</name>
    <message>
        <source>Commands</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>A command or a chat</source>
        <translation>命令或对话</translation>
    </message>
    <message>
        <source>Chat: %1</source>
        <translation>对话：%1</translation>
    </message>
</context>
<context>
    <name>pumice_chat::SettingsPanel</name>
    <message>
        <source>Settings of this chat</source>
        <translation>此对话的设置</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示</translation>
    </message>
    <message>
        <source>What the model is told beforehand</source>
        <translation>预先告诉模型的内容</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>推理</translation>
    </message>
    <message>
        <source>As the model does</source>
        <translation>按模型默认</translation>
    </message>
    <message>
        <source>On</source>
        <translation>开</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>Sampling as the model&apos;s file says</source>
        <translation>按模型文件采样</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>Own</source>
        <translation>自定义</translation>
    </message>
    <message>
        <source>Exact</source>
        <translation>精确</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>均衡</translation>
    </message>
    <message>
        <source>Lively</source>
        <translation>活泼</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>Penalty of repetition</source>
        <translation>重复惩罚</translation>
    </message>
    <message>
        <source>Most tokens of a reply</source>
        <translation>回复最多词元数</translation>
    </message>
    <message>
        <source>until it ends</source>
        <translation>直到结束</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>种子</translation>
    </message>
    <message>
        <source>drawn anew</source>
        <translation>每次随机</translation>
    </message>
    <message>
        <source>JSON Schema of the reply</source>
        <translation>回复的 JSON Schema</translation>
    </message>
    <message>
        <source>This is no JSON yet, and not used.</source>
        <translation>这还不是 JSON，不会使用。</translation>
    </message>
    <message>
        <source>Keep…</source>
        <translation>保存…</translation>
    </message>
    <message>
        <source>Keep these settings as a preset</source>
        <translation>将这些设置保存为预设</translation>
    </message>
    <message>
        <source>Keep as a preset</source>
        <translation>保存为预设</translation>
    </message>
    <message>
        <source>Its name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>A name has letters, digits, spaces, “-” and “_”.</source>
        <translation>名称可以包含字母、数字、空格、“-”和“_”。</translation>
    </message>
    <message>
        <source>It could not be kept: %1</source>
        <translation>无法保存：%1</translation>
    </message>
</context>
<context>
    <name>pumice_chat::TextPiece</name>
    <message>
        <source>Text</source>
        <translation>文本</translation>
    </message>
</context>
</TS>
