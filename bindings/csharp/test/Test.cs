// The declarations against the real library: layouts as the C compiler's, and a completion with the bundled model.
//   Test.exe MODEL LAYOUT_JSON          exit codes: 0, 1 a fault, 77 no device (the layouts were compared)
using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Pumice.Native;

static unsafe class Test
{
    static int compared;

    static void Check(bool fine, string what)
    {
        if (fine) return;
        Console.Error.WriteLine("not as expected: " + what);
        Environment.Exit(1);
    }

    static void CompareLayouts(string json)
    {
        var structs = json.Substring(0, json.IndexOf("\"inits\"", StringComparison.Ordinal));
        foreach (Match line in Regex.Matches(structs, "\"(Pumice\\w+)\": \\{\"\": (\\d+)([^}]*)\\}"))
        {
            Type type = Type.GetType("Pumice.Native." + line.Groups[1].Value);
            Check(type != null, line.Groups[1].Value);
            Check(Marshal.SizeOf(type) == int.Parse(line.Groups[2].Value), "size of " + type.Name);
            foreach (Match member in Regex.Matches(line.Groups[3].Value, "\"(\\w+)\": (\\d+)"))
            {
                string name = member.Groups[1].Value;
                string field = type.GetField(name) != null ? name : name + "0";
                long expected = long.Parse(member.Groups[2].Value);
                Check(Marshal.OffsetOf(type, field).ToInt64() == expected, type.Name + "." + name);
                ++compared;
            }
        }
        Check(compared > 400, compared + " members");
    }

    static string Complete(IntPtr model, IntPtr context)
    {
        IntPtr sequence, request;
        Check(Api.pumice_sequence_create(context, &sequence) == PumiceResult.PUMICE_OK, "pumice_sequence_create");
        byte[] prompt = Encoding.UTF8.GetBytes("Once upon a time");
        int* ids = stackalloc int[16];
        UIntPtr count;
        fixed (byte* text = prompt)
            Api.pumice_tokenize(model, text, (UIntPtr)prompt.Length, 1, ids, (UIntPtr)16, &count);
        var options = Api.pumice_request_options_init();
        options.ids = ids;
        options.count = count;
        options.max_tokens = 8;
        Check(Api.pumice_request_submit(sequence, &options, &request) == PumiceResult.PUMICE_OK, "submitting");
        var made = new MemoryStream();
        var poll = Api.pumice_poll_init();
        do
        {
            Check(Api.pumice_request_wait(request, -1) == PumiceResult.PUMICE_OK, "waiting");
            Check(Api.pumice_poll(request, &poll) == PumiceResult.PUMICE_OK, "pumice_poll");
            for (ulong i = 0; i < (ulong)poll.text_length; ++i) made.WriteByte(poll.text[i]);
        } while (poll.status == PumiceRequestStatus.PUMICE_REQUEST_RUNNING);
        Check(poll.status == PumiceRequestStatus.PUMICE_REQUEST_FINISHED_LENGTH, "status " + poll.status);
        Api.pumice_request_destroy(request);
        Api.pumice_sequence_destroy(sequence);
        return Encoding.UTF8.GetString(made.ToArray());
    }

    static int Main(string[] arguments)
    {
        CompareLayouts(File.ReadAllText(arguments[1]));
        string version = Marshal.PtrToStringAnsi((IntPtr)Api.pumice_version());
        Check(version.StartsWith(Api.Version, StringComparison.Ordinal), version);
        IntPtr instance, device, model, context;
        Check(Api.pumice_instance_create(null, &instance) == PumiceResult.PUMICE_OK, "pumice_instance_create");
        PumiceResult made = Api.pumice_device_create_auto(instance, null, &device);
        if (made == PumiceResult.PUMICE_NOT_FOUND) return 77;
        Check(made == PumiceResult.PUMICE_OK, "pumice_device_create_auto");
        IntPtr path = Marshal.StringToHGlobalAnsi(arguments[0]);
        var options = Api.pumice_model_options_init();
        options.path = (byte*)path;
        Check(Api.pumice_model_load(instance, device, &options, &model) == PumiceResult.PUMICE_OK, "pumice_model_load");
        var contextOptions = Api.pumice_context_options_init();
        Check(contextOptions.sink_tokens == 32, "pumice_context_options_init");
        Check(Api.pumice_context_create(model, &contextOptions, &context) == PumiceResult.PUMICE_OK, "context");
        string text = Complete(model, context);
        Check(text.Trim().Length > 0, "an empty text");
        Console.WriteLine(compared + " members; Once upon a time" + text);
        Api.pumice_context_destroy(context);
        Api.pumice_model_destroy(model);
        Api.pumice_device_destroy(device);
        Api.pumice_instance_destroy(instance);
        return 0;
    }
}
